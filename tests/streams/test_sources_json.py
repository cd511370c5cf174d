"""JSON lines, arrays and values of all layouts, whole and broken, as records of a source."""

import json
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coachlm.pairs import Reject, RejectReason
from streams.reading.sources import read_source
from streams.reading.sources.flaws import Flaw
from streams.reading.sources.json_values import cut_values
from streams.reading.sources.lines import split_lines
from streams.reading.sources.records import ParseOptions, RawRecord

Write = Callable[..., str]
ROWS = [{"instruction": f"say {n}", "output": 'a "quoted" \\ {brace} [x]\n,'} for n in range(5)]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write_file(content: bytes | str, name: str = "log.jsonl") -> str:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return str(path)

    return write_file


def decoded(path: str, **options: object) -> list[object]:
    """Each record decoded, or its reason."""
    return [outcome(item) for item in read_source(path, ParseOptions(**options))]  # type: ignore[arg-type]


def outcome(item: RawRecord | Reject) -> object:
    if isinstance(item, Reject):
        return item.reason
    if not isinstance(item.data, bytes):
        return item.data
    try:
        return orjson.loads(item.data)
    except orjson.JSONDecodeError:
        return RejectReason.MALFORMED_JSON


def lines(rows: list[object]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


LAYOUTS = {
    "lines": lines(ROWS),
    "lines with CRLF": lines(ROWS).replace("\n", "\r\n"),
    "lines, blank ones between": "\n \n" + lines(ROWS).replace("\n", "\n\n"),
    "lines without the last line end": lines(ROWS)[:-1],
    "lines that end with commas": lines(ROWS).replace("}\n", "},\n"),
    "array": json.dumps(ROWS),
    "array, indented": json.dumps(ROWS, indent=2),
    "array, not indented": json.dumps(ROWS, indent=0),
    "array, an element per line": "[\n" + ",\n".join(map(json.dumps, ROWS)) + "\n]\n",
    "array, commas first": "[\n  " + "\n, ".join(map(json.dumps, ROWS)) + "\n]",
    "values one after another": "".join(map(json.dumps, ROWS)),
    "indented values one after another": "\n".join(json.dumps(row, indent=4) for row in ROWS),
    "two arrays": json.dumps(ROWS[:2]) + "\n" + json.dumps(ROWS[2:], indent=1),
}


@pytest.mark.parametrize("suffix", [".jsonl", ".json", ".log", ""])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_gives_the_same_records_whatever_the_name(write: Write, layout: str, suffix: str) -> None:

    assert decoded(write(LAYOUTS[layout], f"log{suffix}")) == ROWS


def test_positions_count_rejects_and_skip_blank_lines(write: Write) -> None:
    path = write('{"a": 1}\n\n{"a": 2\n{"a": "' + "x" * 2000 + '"}\n{"a": 3}\n')
    items = list(read_source(path, ParseOptions(max_record_bytes=1000), name="log of today"))
    assert [item.position.record for item in items] == [0, 1, 2, 3]
    assert {item.position.source for item in items} == {"log of today"}
    assert [outcome(item) for item in items] == [
        {"a": 1},
        RejectReason.MALFORMED_JSON,
        RejectReason.TOO_LONG,
        {"a": 3},
    ]


@pytest.mark.parametrize("content", ["", "\n\n", " \r\n\t", "\ufeff"])
def test_what_holds_nothing_has_no_records(write: Write, content: str) -> None:
    assert decoded(write(content)) == []
    assert decoded(write(content, "x.json")) == []
    assert decoded(write(content, "x.csv")) == []
    assert decoded(write(content, "x.yaml")) == []


def test_one_object_is_one_record_in_any_layout(write: Write) -> None:
    document = {"trace": {"id": "t"}, "observations": [{}, {"input": "x"}, [], {"output": {}}]}
    for indent in (None, 0, 1, 4):
        assert decoded(write(json.dumps(document, indent=indent), "trace.json")) == [document]


def test_an_array_of_messages_is_one_conversation(write: Write) -> None:
    chat = [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "hello"}]
    assert decoded(write(json.dumps(chat, indent=1), "chat.json")) == [chat]
    assert decoded(write(json.dumps([chat, chat]), "chats.json")) == [chat, chat]
    flat = [{"role": "prompter", "text": "hi", "message_id": "1", "parent_id": None}]
    assert decoded(write(json.dumps(flat * 2), "flat.json")) == flat * 2


def test_lines_of_arrays_stay_records(write: Write) -> None:
    chats = [[{"role": "user", "content": "hi"}], [{"role": "user", "content": "ho"}]]
    assert decoded(write(lines(chats))) == chats
    assert decoded(write("[1, 2]\n[3]\n")) == [[1, 2], [3]]


def test_scalars_are_records_that_the_formats_refuse(write: Write) -> None:
    assert decoded(write('["one, two", 3, null, true, -1.5e3, {"a": 1}]', "x.json")) == [
        "one, two",
        3,
        None,
        True,
        -1500.0,
        {"a": 1},
    ]


def test_a_growing_file_ends_in_a_malformed_record_that_is_whole_later(write: Write) -> None:
    text = lines(ROWS)
    assert decoded(write(text[:-9])) == [*ROWS[:-1], RejectReason.MALFORMED_JSON]
    assert decoded(write(text)) == ROWS


def test_a_long_line_is_refused_and_reading_goes_on(write: Write) -> None:
    good = b'{"a": 1}\n'
    path = write(good + b'{"a": "' + b"x" * 5_000_000 + b'"}\n' + good)
    assert decoded(path, max_record_bytes=10_000) == [{"a": 1}, RejectReason.TOO_LONG, {"a": 1}]


@pytest.mark.slow
@pytest.mark.parametrize(
    "long",
    [
        '{"a": "' + "x\\n" * 1_500_000 + '"}',
        "[" * 600_000 + "]" * 600_000,
        '"' + "y" * 3_000_000 + '"',
        "7" * 3_000_000,
    ],
    ids=["string", "brackets", "bare string", "number"],
)
def test_a_long_element_is_refused_and_reading_goes_on(write: Write, long: str) -> None:
    path = write(f'[{{"a": 1}},\n{long},\n{{"a": 2}}]', "x.json")
    assert decoded(path, max_record_bytes=10_000) == [{"a": 1}, RejectReason.TOO_LONG, {"a": 2}]


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize(
    "broken",
    [
        '{"instruction": "no end, "output": "x"}',
        '{"instruction": "a raw\nbreak", "output": "x"}',
        '{"instruction": {"text": "no bracket", "output": "x"}',
        '{"instruction": ["no bracket", "output": "x"}',
        '{"instruction": "x", "output": "y"',
    ],
)
def test_a_broken_element_does_not_take_the_others_along(write: Write, broken: str, indent: int | None) -> None:
    elements = [json.dumps(row, indent=indent) for row in ROWS]
    elements[2] = broken
    path = write("[\n" + ",\n".join(elements) + "\n]", "x.json")
    good = [item for item in decoded(path) if isinstance(item, dict)]
    assert good == [*ROWS[:2], *ROWS[3:]]
    assert decoded(path).count(RejectReason.MALFORMED_JSON) >= 1


@pytest.mark.parametrize(
    "broken", ['{"n": "a"b", "t": []}', '{"n": {"t": []}', '{"n": [1, "t": []}', '{"n": "raw\nbreak"}']
)
def test_a_broken_element_within_a_line_does_not_take_the_others_along(write: Write, broken: str) -> None:
    rows = [{"n": n, "t": [{"role": "user"}, {"role": "x" * 50}]} for n in range(2_000)]
    elements = [json.dumps(row) for row in rows]
    elements[3] = broken
    found = decoded(write("[" + ", ".join(elements) + "]", "x.json"), max_record_bytes=10_000)
    assert [row for row in found if isinstance(row, dict)] == [*rows[:3], *rows[4:]]
    assert len(found) == len(rows)


def test_the_insides_of_a_broken_element_are_no_records(write: Write) -> None:
    rows = [{"messages": [{"role": "user", "text": str(n)}, {"role": "assistant"}]} for n in range(4)]
    text = json.dumps(rows, indent=2)
    place = text.index("]", text.index('"1"'))
    broken = text[:place] + text[place + 1 :]
    assert decoded(write(broken, "x.json")) == [rows[0], RejectReason.MALFORMED_JSON, *rows[2:]]


def test_unclosed_brackets_lose_nothing_beyond_the_record_limit(write: Write) -> None:
    rows = [{"n": n, "text": "x" * 100} for n in range(50_000)]
    elements = [json.dumps(row) for row in rows]
    elements[1] = '{"n": {"text": 1}'
    found = decoded(write("[\n" + ",\n".join(elements) + "\n]", "x.json"), max_record_bytes=100_000)
    assert found.count(RejectReason.TOO_LONG) == 1
    assert [row for row in found if isinstance(row, dict)] == [rows[0], *rows[2:]]


def test_an_array_that_was_cut_short_gives_what_it_has(write: Write) -> None:
    assert decoded(write(json.dumps(ROWS)[:-20], "x.json")) == [*ROWS[:-1], RejectReason.MALFORMED_JSON]
    assert decoded(write('{"a": "b\\', "x.json")) == [RejectReason.MALFORMED_JSON]


def test_stray_brackets_are_one_reject(write: Write) -> None:
    assert decoded(write('[{"a": 1}]]]}}]\n[{"a": 2}]', "x.json")) == [{"a": 1}, RejectReason.MALFORMED_JSON, {"a": 2}]


def test_nul_bytes_and_lone_surrogates_concern_their_line_only(write: Write) -> None:
    path = write(b'{"a": 1}\n\0\0\0\0\n{"a": "\xed\xa0\x80"}\n{"a": "\\ud800"}\n{"a": 2}\n')
    found = decoded(path)
    assert found[0] == {"a": 1}
    assert found[1:4] == [RejectReason.MALFORMED_JSON] * 3
    assert found[4] == {"a": 2}


chunked_text = st.text(alphabet='{}[]",:\\\n x1é', max_size=60)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(alphabet='{}[]",\\\n é', max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=12,
)


def chunks(text: bytes, cuts: list[int]) -> Iterator[bytes]:
    places = sorted({0, len(text), *(cut % (len(text) + 1) for cut in cuts)})
    return (text[a:b] for a, b in pairwise(places))


@given(st.binary(max_size=80) | chunked_text.map(str.encode), st.lists(st.integers(0, 99)), st.integers(1, 40))
def test_lines_equal_a_plain_split_in_any_chunks(text: bytes, cuts: list[int], max_bytes: int) -> None:
    expected = text.split(b"\n")
    if not expected[-1]:
        expected.pop()
    found = list(split_lines(chunks(text, cuts), max_bytes))
    assert [None if isinstance(line, Flaw) else line for line in found] == [
        line if len(line) <= max_bytes else None for line in expected
    ]


@given(st.lists(json_values), st.sampled_from([None, 0, 1, 3]), st.lists(st.integers(0, 999)), st.booleans())
def test_elements_come_out_as_they_went_in_in_any_chunks(
    values: list[object], indent: int | None, cuts: list[int], ascii_only: bool
) -> None:
    text = json.dumps(values, indent=indent, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")
    found = list(cut_values(chunks(text, cuts), 100_000))
    assert [json.loads(value) for value in found if isinstance(value, bytes)] == values
    assert list(cut_values(chunks(text, cuts), 100_000, open_arrays=False)) == [text]


@given(chunked_text.map(str.encode), st.lists(st.integers(0, 99)))
def test_cutting_does_not_depend_on_the_chunks(text: bytes, cuts: list[int]) -> None:
    assert list(cut_values(chunks(text, cuts), 1000)) == list(cut_values(iter([text]), 1000))


@given(chunked_text.map(str.encode), st.integers(1, 20), st.lists(st.integers(0, 99)))
def test_no_value_is_longer_than_the_limit(text: bytes, max_bytes: int, cuts: list[int]) -> None:
    assert all(isinstance(v, Flaw) or len(v) <= max_bytes for v in cut_values(chunks(text, cuts), max_bytes))
