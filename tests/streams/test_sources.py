"""Compression, encodings, tables, YAML and hostile bytes as records of a source; what `expand` makes of paths."""

import csv
import gzip
import io
import json
import os
import sys
import threading
import tracemalloc
import zlib
from collections.abc import Callable
from datetime import date
from pathlib import Path

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from coachlm.errors import InputError
from coachlm.pairs import Reject, RejectReason
from streams.reading.sources import expand, read_source
from streams.reading.sources.records import ParseOptions, RawRecord

ROWS = [{"instruction": f"say {n}", "input": "", "output": "first\nsecond, «third»"} for n in range(300)]
LINES = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in ROWS).encode()

Pack = Callable[[bytes], bytes]


def decoded(path: Path | str, **options: object) -> list[object]:
    """Each record decoded, or its reason."""
    return [outcome(item) for item in read_source(str(path), ParseOptions(**options))]  # type: ignore[arg-type]


def outcome(item: RawRecord | Reject) -> object:
    if isinstance(item, Reject):
        return item.reason
    return orjson.loads(item.data) if isinstance(item.data, bytes) else item.data


def stdin(monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))


def gzip_members(content: bytes) -> bytes:
    return gzip.compress(content[:5000]) + gzip.compress(b"") + gzip.compress(content[5000:]) + b"\0" * 512


def zstd_frames(content: bytes) -> bytes:
    skippable = b"\x50\x2a\x4d\x18" + (4).to_bytes(4, "little") + b"note"
    return skippable + b"".join(zstandard.compress(part) for part in (content[:5000], content[5000:]))


PACKINGS = {
    "plain": bytes,
    "UTF-8 with mark": lambda content: b"\xef\xbb\xbf" + content,
    "UTF-16": lambda content: content.decode().encode("utf-16"),
    "UTF-16 big endian, no mark": lambda content: content.decode().encode("utf-16-be"),
    "UTF-16 little endian, no mark": lambda content: content.decode().encode("utf-16-le"),
    "gzip": gzip.compress,
    "gzip members and padding": gzip_members,
    "zstd": zstandard.compress,
    "zstd frames": zstd_frames,
    "UTF-16 in gzip": lambda content: gzip.compress(content.decode().encode("utf-16")),
}


@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.gz", "a.json.zst", "a.log", "-"])
@pytest.mark.parametrize("packing", PACKINGS)
def test_every_packing_is_known_by_its_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, packing: str, name: str
) -> None:
    content = PACKINGS[packing](LINES)
    if name == "-":
        stdin(monkeypatch, content)
        assert decoded("-") == ROWS
    else:
        (tmp_path / name).write_bytes(content)
        assert decoded(tmp_path / name) == ROWS


NOISE = "".join(json.dumps({"n": n, "noise": os.urandom(200).hex()}) + "\n" for n in range(5_000)).encode()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("pack", "unpack"),
    [
        (gzip.compress, zlib.decompressobj(31).decompress),
        (zstandard.compress, zstandard.ZstdDecompressor().decompressobj().decompress),
    ],
    ids=["gzip", "zstd"],
)
def test_compression_cut_short_gives_the_records_before_and_one_reject(
    tmp_path: Path, pack: Pack, unpack: Pack
) -> None:
    packed = pack(NOISE)
    most = packed[: len(packed) * 9 // 10]
    path = tmp_path / "a.jsonl"
    path.write_bytes(most)
    *records, reject = read_source(str(path), ParseOptions())
    assert isinstance(reject, Reject)
    assert reject.reason is RejectReason.UNREADABLE
    assert reject.position.record == len(records) == unpack(most).count(b"\n") > 4_000
    assert [outcome(record) for record in records] == [json.loads(line) for line in NOISE.splitlines()[: len(records)]]


@pytest.mark.parametrize("pack", [gzip.compress, zstandard.ZstdCompressor(write_checksum=True).compress])
def test_garbled_compression_is_noticed(tmp_path: Path, pack: Pack) -> None:
    packed = bytearray(pack(NOISE))
    packed[len(packed) // 2 : len(packed) // 2 + 5000] = bytes(5000)
    path = tmp_path / "a.jsonl"
    path.write_bytes(packed)
    *records, reject = read_source(str(path), ParseOptions())
    assert isinstance(reject, Reject)
    assert reject.reason is RejectReason.UNREADABLE
    assert [outcome(record) for record in records[:2_000]] == [json.loads(line) for line in NOISE.splitlines()[:2_000]]


@pytest.mark.parametrize("pack", [gzip.compress, lambda data: zstandard.compress(data, level=1)], ids=["gzip", "zstd"])
def test_a_decompression_bomb_stays_small_in_memory(tmp_path: Path, pack: Pack) -> None:
    path = tmp_path / "bomb.jsonl"
    path.write_bytes(pack(b'{"a": 1}\n{"a": "' + b"0" * 100_000_000 + b'"}\n{"a": 2}\n'))
    tracemalloc.start()
    assert decoded(path) == [{"a": 1}, RejectReason.TOO_LONG, {"a": 2}]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 80_000_000


@pytest.mark.slow
def test_memory_does_not_grow_with_the_source(tmp_path: Path) -> None:
    peaks = []
    for times in (10, 200):
        path = tmp_path / f"{times}.json"
        path.write_bytes(b"[" + b",".join(LINES.splitlines() * times) + b"]")
        tracemalloc.start()
        count = sum(isinstance(item, RawRecord) for item in read_source(str(path), ParseOptions()))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert count == 300 * times
    assert peaks[1] < peaks[0] * 2 + 1_000_000


@pytest.mark.parametrize("name", ["x", "x.jsonl", "x.json", "x.csv", "x.yaml", "x.parquet", "-"])
@pytest.mark.parametrize(
    "content",
    [
        bytes(range(256)) * 300,
        b"\x89PNG\r\n\x1a\n" + bytes(5000),
        b"PK\x03\x04" + b"text " * 99,
        b"PAR1 and no more",
        bytes(9999),
    ],
    ids=["bytes", "image", "zip", "parquet", "zeros"],
)
def test_what_is_no_text_is_one_reject(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes, name: str
) -> None:
    stdin(monkeypatch, content)
    (tmp_path / "x").with_name(name if name != "-" else "x").write_bytes(content)
    assert decoded("-" if name == "-" else tmp_path / name) == [RejectReason.UNREADABLE]


def test_a_lone_surrogate_in_utf_16_refuses_its_line_only(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes('{"a": 1}\n{"a": "\ud800"}\n{"a": 2}\n'.encode("utf-16", "surrogatepass") + b"\n")
    items = list(read_source(str(path), ParseOptions()))
    assert [outcome(items[0]), outcome(items[2])] == [{"a": 1}, {"a": 2}]
    assert isinstance(items[1], RawRecord)  # the formats refuse it: it is no UTF-8
    with pytest.raises(orjson.JSONDecodeError):
        outcome(items[1])
    assert outcome(items[3]) is RejectReason.UNREADABLE  # half a character at the end


@pytest.mark.parametrize(
    ("name", "delimiter"), [("a.csv", ","), ("a.csv", ";"), ("a.tsv", "\t"), ("-", ","), ("a", "\t")]
)
def test_rows_of_tables_are_dictionaries(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, delimiter: str
) -> None:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(ROWS[0]), delimiter=delimiter)
    writer.writeheader()
    writer.writerows(ROWS)
    content = ("\ufeff" + text.getvalue()).encode()
    stdin(monkeypatch, content)
    (tmp_path / "a").with_name(name if name != "-" else "a").write_bytes(content)
    assert decoded("-" if name == "-" else tmp_path / name) == ROWS


def test_broken_rows_of_a_table_are_refused_one_by_one(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    rows = [
        b"instruction,output",
        b"one,1",
        b"",
        b"two,2,3",
        b",",
        b"latin \xe9,4",
        b"nul \0,5",
        b'"' + b"x" * 3000 + b'",6',
        b'{""json"": 1},7',
        b'eight,"never closed',
        b"nine,9",
    ]
    path.write_bytes(b"\r\n".join(rows) + b"\r\n")
    assert decoded(path, max_record_bytes=1000) == [
        {"instruction": "one", "output": "1"},
        RejectReason.UNREADABLE,
        RejectReason.EMPTY,
        RejectReason.UNREADABLE,
        {"instruction": "nul \0", "output": "5"},
        RejectReason.TOO_LONG,
        {"instruction": '{""json"": 1}', "output": "7"},
        RejectReason.UNREADABLE,
    ]


def test_a_cell_may_be_as_long_as_a_record(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(f"instruction,output\none,{'x' * 300_000}\n")
    assert decoded(path) == [{"instruction": "one", "output": "x" * 300_000}]


def test_a_stray_quote_swallows_no_more_than_the_record_limit(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text('instruction,output\n"stray,1\n' + "good,2\n" * 1000)
    found = decoded(path, max_record_bytes=1000)
    assert found[0] is RejectReason.TOO_LONG
    assert found.count({"instruction": "good", "output": "2"}) > 800


def test_a_table_whose_header_can_not_be_read_is_one_reject(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"instruction,r\xe9ponse\na,b\nc,d\n")
    assert decoded(path) == [RejectReason.UNREADABLE]


def test_rows_of_parquet_are_dictionaries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "no suffix"
    rows = [{**row, "when": date(2026, 1, 1), "messages": [{"role": "user", "n": 1.5}]} for row in ROWS]
    pq.write_table(pa.Table.from_pylist(rows), path, row_group_size=77)
    assert decoded(path) == rows
    stdin(monkeypatch, path.read_bytes())
    assert decoded("-") == [RejectReason.UNREADABLE]
    packed = tmp_path / "a.parquet.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    assert decoded(packed) == [RejectReason.UNREADABLE]


@pytest.mark.parametrize("long", [b"good", b"long " * 1000])
def test_cells_of_parquet_that_can_not_be_decoded_refuse_their_row_only(tmp_path: Path, long: bytes) -> None:
    path = tmp_path / "a.parquet"
    binary = pa.array([b"good", b"bad \xff", b"good", long])
    pq.write_table(pa.table({"text": pa.Array.from_buffers(pa.string(), 4, binary.buffers()), "raw": binary}), path)
    good = {"text": "good", "raw": "good"}
    last = good if long == b"good" else RejectReason.TOO_LONG
    assert decoded(path, max_record_bytes=2000) == [good, RejectReason.UNREADABLE, good, last]


def test_damaged_row_groups_of_parquet_leave_the_others(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    rows = [{"text": f"{n} {os.urandom(20).hex()}"} for n in range(3000)]
    pq.write_table(pa.Table.from_pylist(rows), path, row_group_size=1000, use_dictionary=False, compression="zstd")
    damaged = bytearray(path.read_bytes())
    damaged[len(damaged) // 2 : len(damaged) // 2 + 500] = bytes(500)
    path.write_bytes(damaged)
    found = decoded(path)
    assert found.count(RejectReason.UNREADABLE) == 1
    assert found[:1000] == rows[:1000]
    assert found[-1000:] == rows[-1000:]
    path.write_bytes(damaged[:-100])
    assert decoded(path) == [RejectReason.UNREADABLE]


def test_yaml_documents_are_records(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    shared = {"role": "user", "content": "hello\n--- not a mark\n"}
    documents = [{"messages": [shared, shared]}, {"b": None}, "text"]
    path.write_text("# comment\n---\n" + yaml.safe_dump_all(documents) + "---\n---\n# nothing\n...\n")
    assert decoded(path) == documents
    path.write_text(yaml.safe_dump(ROWS[:9]))
    assert decoded(path) == ROWS[:9]
    path.write_text(yaml.safe_dump([shared, shared]))
    assert decoded(path) == [[shared, shared]]


BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]\n" for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)
MERGE_BOMB = "a: &a {x: 1}\n" + "".join(
    f"n{n}: &n{n}\n  <<: [{', '.join([f'*{before}'] * 9)}]\n  k{n}: 1\n"
    for n, before in enumerate(["a", *(f"n{n}" for n in range(12))])
)


@pytest.mark.parametrize(
    "hostile",
    [
        BOMB,
        MERGE_BOMB,
        "&a [*a]",
        "a: *missing",
        "[" * 100_000,
        "- " * 5_000,
        "a: [1, 2",
        "!!python/object/apply:os.system [echo]",
        "!!bool x",
        "!!timestamp x",
        "!!int ''",
        "2001-99-99",
        "a: \x01",
        "{[1]: 2}",
        "9" * 5000,
    ],
)
def test_hostile_yaml_is_refused_and_the_next_document_read(tmp_path: Path, hostile: str) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(f"first: 1\n---\n{hostile}\n---\nlast: 1\n")
    assert decoded(path) == [{"first": 1}, RejectReason.UNREADABLE, {"last": 1}]


def test_a_long_yaml_document_is_refused_and_the_next_read(tmp_path: Path) -> None:
    path = tmp_path / "a.yml"
    path.write_text("a: 1\n---\n" + "b: 2\n" * 1000 + "---\n" + "c" * 5000 + "\n---\nd: 4\n")
    assert decoded(path, max_record_bytes=1000) == [{"a": 1}, RejectReason.TOO_LONG, RejectReason.TOO_LONG, {"d": 4}]


def test_prose_is_one_reject_that_says_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "README.md"
    path.write_text("# A project\n\nIt does things, and well.\n")
    (reject,) = read_source(str(path), ParseOptions())
    assert isinstance(reject, Reject)
    assert ".jsonl" in reject.detail


def test_a_pipe_is_read_as_it_comes(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    writer = threading.Thread(target=path.write_bytes, args=(LINES,))
    writer.start()
    assert decoded(path) == ROWS
    writer.join()


def test_what_can_not_be_opened_is_an_error_that_names_it(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "missing", tmp_path / "nul\0"):
        with pytest.raises(InputError, match="can't be read"):
            next(read_source(str(path), ParseOptions()))


def test_a_disk_that_fails_is_an_error_that_names_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Failing(io.RawIOBase):
        def readable(self) -> bool:
            return True

        def readinto(self, buffer: object) -> int:
            raise OSError(5, "Input/output error")

    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BufferedReader(Failing())))
    with pytest.raises(InputError, match="Input/output error"):
        next(read_source("-", ParseOptions()))


magic = st.sampled_from(
    [b"", b"\x1f\x8b\x08", b"\x28\xb5\x2f\xfd", b"PAR1", b"\xff\xfe", b"\xef\xbb\xbf", b"[", b"{", b"---\n", b"a,b\n"]
)
syntax = st.text(alphabet='{}[]",:\\\n -&*!|>x1\t', max_size=200).map(str.encode)
valid = st.sampled_from([LINES[:500], gzip.compress(LINES[:500]), zstandard.compress(LINES[:500]), BOMB.encode()])


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    content = bytearray(draw(valid))
    for place, byte in draw(st.lists(st.tuples(st.integers(0, 5000), st.integers(0, 255)), max_size=5)):
        content[place % len(content)] = byte
    return bytes(content[: draw(st.integers(1, len(content)))])


@pytest.mark.slow
@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.one_of(st.tuples(magic, st.binary(max_size=300) | syntax).map(b"".join), mutated()),
    st.sampled_from(["x", "x.jsonl", "x.json", "x.csv", "x.tsv", "x.yaml", "x.parquet", "x.gz"]),
)
def test_any_bytes_end_as_numbered_records_and_rejects(tmp_path: Path, content: bytes, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    options = ParseOptions(max_record_bytes=150)
    items = list(read_source(str(path), options))
    assert [item.position.record for item in items] == list(range(len(items)))
    assert items == list(read_source(str(path), options))


def test_folders_and_patterns_expand_in_order_each_file_once(tmp_path: Path) -> None:
    for name in ("b.jsonl", "a/z.json", "a/.hidden.json", ".git/config", "c/d/e.csv"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "a" / "loop").symlink_to(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    root = str(tmp_path)
    everything = [f"{root}/a/z.json", f"{root}/b.jsonl", f"{root}/c/d/e.csv"]
    assert expand([root]) == everything
    assert expand([root, f"{root}/b.jsonl", f"{root}/a/../b.jsonl"]) == everything
    assert expand(["-", f"{root}/*.jsonl", f"{root}/**/*.csv", "-"]) == ["-", f"{root}/b.jsonl", f"{root}/c/d/e.csv"]
    assert expand([f"{root}/.git/config"]) == [f"{root}/.git/config"]
    assert expand([f"{root}/[b-c]*"]) == everything[1:]


def test_a_file_with_pattern_characters_in_its_name_is_that_file(tmp_path: Path) -> None:
    path = tmp_path / "log[1]*.json"
    path.touch()
    assert expand([str(path)]) == [str(path)]


@pytest.mark.parametrize("missing", ["nothing.jsonl", "*.jsonl", "", "nul\0"])
def test_what_is_not_there_is_an_error_that_names_it(tmp_path: Path, missing: str) -> None:
    with pytest.raises(InputError, match="check"):
        expand([f"{tmp_path}/{missing}" if missing else ""])


def test_a_name_that_can_not_be_stored_is_an_error(tmp_path: Path) -> None:
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.jsonl")).touch()
    with pytest.raises(InputError, match="rename"):
        expand([str(tmp_path)])
