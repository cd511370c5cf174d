"""The data set over HTTP: the file that `coachlm export` writes, in flat memory."""

import csv
import io
import json
import time
from collections.abc import Iterator

import pyarrow.parquet as pq
import pytest

from api.client.client import TooOftenError, new_key
from coachlm.pairs import InstructionPair
from coachlm.status import Status
from coachlm.text.spreadsheets import restore_cell
from exports.choices.export_formats import ExportFormat
from exports.export import ExportOptions, export_dataset
from exports.export_stream import stream_dataset
from tests.api.service import QA, Service
from tests.dataset_rows import PAIR_FORMATS
from tests.storage.factories import make_pair


@pytest.fixture
def filled(service: Service) -> Service:
    service.fill([QA] * 30)
    ada = service.client("ada")
    item = ada.desk.claim()
    assert item is not None
    ada.desk.submit(item, InstructionPair("=1+1", "", "<b>Final\u2028text</b>"), key=new_key())
    return service


def test_the_stream_is_the_file_that_an_export_writes(filled: Service, tmp_path):
    oscar = filled.client("oscar")
    for format in PAIR_FORMATS:
        with filled.services.reader.snapshot() as snapshot:
            rows, counts = snapshot.dataset_rows(Status), snapshot.flow_counts()
            manifest = export_dataset(rows, counts, tmp_path / format, ExportOptions(format, provenance=True))
        streamed = b"".join(oscar.exports.read(format, provenance=True))
        written = (tmp_path / format / manifest.files[0].name).read_bytes()
        if format is ExportFormat.PARQUET:
            assert pq.read_table(io.BytesIO(streamed)).equals(pq.read_table(io.BytesIO(written)))
        else:
            assert streamed == written


def test_formats_and_choices(filled: Service):
    oscar = filled.client("oscar")
    rows = [json.loads(line) for line in b"".join(oscar.exports.read("jsonl")).splitlines()]
    assert len(rows) == 30
    assert {"instruction": "=1+1", "input": "", "output": "<b>Final\u2028text</b>"} in rows
    raw = json.loads(b"".join(oscar.exports.read("alpaca", text="raw", status=["post_edited"])))
    assert raw == [make_pair(0).as_dict()]
    cells = list(
        csv.reader(io.StringIO(b"".join(oscar.exports.read("csv", status="post_edited")).decode(), newline=""))
    )
    assert cells[1][0] == "'=1+1"
    assert b"".join(oscar.exports.read("alpaca", status="duplicate")) == b"[]\n"


HOSTILE = {
    "HTML and script": "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "Markdown": "![pixel](https://tracker.example/p.png) [click](javascript:alert(1))",
    "escape codes": "\x1b[31mred\x1b[0m \x07",
    "formula": "=cmd|' /C calc'!A0",
    "bidi override": "\u202etxt.exe\u202c",
    "line ends": "one\u2028two\u2029three\u0085four\rfive",
    "a line of a megabyte": "w" * 1_000_000,
}


@pytest.fixture
def long_cells() -> Iterator[None]:
    """Python's reader of CSV refuses cells beyond 128 KiB unless it is told."""
    before = csv.field_size_limit(2_000_000)
    yield
    csv.field_size_limit(before)


@pytest.mark.usefixtures("long_cells")
@pytest.mark.parametrize("format", PAIR_FORMATS)
def test_hostile_texts_leave_as_they_are_and_harmless(lite: Service, format: ExportFormat):
    """Every character is kept; in CSV, no cell is a formula, and the apostrophe before it can be taken away again."""
    pairs = [InstructionPair(text, "", f"{text} {name}") for name, text in HOSTILE.items()]
    lite.fill_with(pairs, [QA] * len(pairs))
    streamed = b"".join(lite.client("oscar").exports.read(format, text="raw"))
    found = _responses(format, streamed)
    assert set(found) >= {pair.response for pair in pairs}
    if format is ExportFormat.CSV:
        rows = csv.reader(io.StringIO(streamed.decode(), newline=""))
        assert not [cell for row in rows for cell in row if cell[:1] in ("=", "+", "-", "@", "\t", "\r")]


def _responses(format: ExportFormat, streamed: bytes) -> list[str]:
    """What a reader of the format gets."""
    match format:
        case ExportFormat.PARQUET:
            return pq.read_table(io.BytesIO(streamed)).column("output").to_pylist()
        case ExportFormat.CSV:
            rows = csv.DictReader(io.StringIO(streamed.decode(), newline=""))
            return [restore_cell(row["output"]) for row in rows]
        case ExportFormat.ALPACA:
            return [row["output"] for row in json.loads(streamed)]
        case ExportFormat.SHAREGPT:
            return [row["conversations"][1]["value"] for row in json.loads(streamed)]
        case ExportFormat.CHAT:
            return [json.loads(line)["messages"][1]["content"] for line in streamed.decode().split("\n") if line]
        case ExportFormat.JSONL:
            return [json.loads(line)["output"] for line in streamed.decode().split("\n") if line]
        case _:
            raise AssertionError(f"this test has no reader for {format}")


@pytest.mark.slow
def test_an_export_sees_one_moment(filled: Service):
    pieces = filled.client("oscar").exports.read("jsonl")
    first = next(pieces)
    filled.fill([QA] * 5, start=100)
    assert (first + b"".join(pieces)).count(b"\n") == 30


def test_what_utf8_cannot_write_does_not_end_a_stream(service: Service):
    service.fill_with([InstructionPair("Say \ud800 it", "", "It."), make_pair(1)], [QA, QA])
    rows = [
        json.loads(line) for line in b"".join(service.client("oscar").exports.read("jsonl", text="raw")).splitlines()
    ]
    assert [row["instruction"] for row in rows] == ["Say \ufffd it", make_pair(1).instruction]


def test_an_abandoned_export_frees_its_place(filled: Service):
    for _ in range(5):  # more than there are places
        pieces, _first = _begun(filled)
        pieces.close()
    pieces, first = _begun(filled)
    assert (first + b"".join(pieces)).count(b"\n") == 30


def _begun(service: Service):
    """An export with its first piece, once there is a place for it."""
    for _ in range(600):
        pieces = service.client("oscar").exports.read("jsonl")
        try:
            return pieces, next(pieces)
        except TooOftenError:
            time.sleep(0.05)
    raise AssertionError("no place was given back")


def test_a_stream_holds_a_piece_at_a_time():
    from tests.dataset_rows import make_row

    seen = 0

    def rows():
        nonlocal seen
        for number in range(20_000):
            seen = number
            yield make_row(InstructionPair(f"Question {number}", "", "word " * 100))

    pieces = stream_dataset(rows(), ExportOptions(ExportFormat.JSONL))
    assert 200_000 < len(next(pieces)) < 300_000
    assert seen < 1000
    assert sum(piece.count(b"\n") for piece in pieces) > 19_000
