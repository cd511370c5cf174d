"""Small log files that unpack to much, one function a kind of bomb."""

import gzip
import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import zstandard

MEGABYTE = 1_000_000


def _record(output: str) -> bytes:
    return json.dumps({"instruction": "Say many long things, please.", "input": "", "output": output}).encode() + b"\n"


def shared_dictionary(folder: Path) -> Path:
    """Each of 256 rows points at one long text."""
    long = "Tell me about rivers. " * (4 * MEGABYTE // 22)
    told = pa.DictionaryArray.from_arrays(pa.array([0] * 256, pa.int8()), pa.array([long]))
    answers = [f"River {number} flows." for number in range(256)]
    table = pa.table({"instruction": told, "input": pa.array([""] * 256), "output": pa.array(answers)})
    path = folder / "dictionary.parquet"
    pq.write_table(table, path, compression="zstd", store_schema=False, dictionary_pagesize_limit=1 << 30)
    return path


def long_lines(folder: Path) -> Path:
    """Answers of 4 MB each, which the filter sets aside."""
    path = folder / "long.jsonl.zst"
    body = b"".join(_record(f"word {number} " * (4 * MEGABYTE // 8)) for number in range(2))
    path.write_bytes(zstandard.compress(body))
    return path


def one_endless_line(folder: Path) -> Path:
    path = folder / "endless.jsonl.gz"
    path.write_bytes(gzip.compress(b'{"instruction": "' + b"a" * (100 * MEGABYTE)))
    return path


def many_bad_lines(folder: Path) -> Path:
    path = folder / "bad.jsonl.zst"
    path.write_bytes(zstandard.compress(b"x\n" * 20_000))
    return path


def deep_nesting(folder: Path) -> Path:
    path = folder / "deep.jsonl"
    path.write_bytes(b"[" * MEGABYTE + b"\n" + b'{"a":' * 200_000 + b"\n" + _record("Paris."))
    return path


def yaml_aliases(folder: Path) -> Path:
    """Nine aliases of nine aliases of …: a billion strings."""
    lines = ["a0: &a0 [lol]"] + [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 10)]
    path = folder / "laughs.yaml"
    path.write_text("\n".join(lines))
    return path


def zip_of_blanks(folder: Path) -> Path:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("chats.jsonl", b" " * (100 * MEGABYTE))
    path = folder / "blanks.zip"
    path.write_bytes(packed.getvalue())
    return path


def wide_csv(folder: Path) -> Path:
    path = folder / "wide.csv"
    path.write_text('instruction,output\n"' + "a" * (17 * MEGABYTE) + '",b\nName it.,Red.\n')
    return path


BOMBS: tuple[Callable[[Path], Path], ...] = (
    shared_dictionary,
    long_lines,
    one_endless_line,
    many_bad_lines,
    deep_nesting,
    yaml_aliases,
    zip_of_blanks,
    wide_csv,
)
