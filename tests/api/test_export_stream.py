"""The data set over HTTP: the file that `coachlm export` writes, in flat memory."""

import csv
import io
import json

import pyarrow.parquet as pq
import pytest

from api.client import new_key
from coachlm.pairs import InstructionPair
from coachlm.status import Status
from storage.export import ExportOptions, export_dataset
from storage.export_formats import ExportFormat
from storage.export_stream import stream_dataset
from tests.api.service import QA, Service
from tests.storage.factories import make_pair


@pytest.fixture
def filled(service: Service) -> Service:
    service.fill([QA] * 30)
    ada = service.client("ada")
    item = ada.claim()
    assert item is not None
    ada.submit(item, InstructionPair("=1+1", "", "<b>Final\u2028text</b>"), key=new_key())
    return service


def test_the_stream_is_the_file_that_an_export_writes(filled: Service, tmp_path):
    oscar = filled.client("oscar")
    for format in ExportFormat:
        with filled.services.reader.snapshot() as snapshot:
            rows, counts = snapshot.dataset_rows(Status), snapshot.flow_counts()
            manifest = export_dataset(rows, counts, tmp_path / format, ExportOptions(format, provenance=True))
        streamed = b"".join(oscar.export(format, provenance=True))
        written = (tmp_path / format / manifest.files[0].name).read_bytes()
        if format is ExportFormat.PARQUET:
            assert pq.read_table(io.BytesIO(streamed)).equals(pq.read_table(io.BytesIO(written)))
        else:
            assert streamed == written


def test_formats_and_choices(filled: Service):
    oscar = filled.client("oscar")
    rows = [json.loads(line) for line in b"".join(oscar.export("jsonl")).splitlines()]
    assert len(rows) == 30
    assert {"instruction": "=1+1", "input": "", "output": "<b>Final\u2028text</b>"} in rows
    raw = json.loads(b"".join(oscar.export("alpaca", text="raw", status=["post_edited"])))
    assert raw == [make_pair(0).as_dict()]
    cells = list(csv.reader(io.StringIO(b"".join(oscar.export("csv", status="post_edited")).decode(), newline="")))
    assert cells[1][0] == "'=1+1"
    assert b"".join(oscar.export("alpaca", status="duplicate")) == b"[]\n"


def test_an_export_sees_one_moment(filled: Service):
    pieces = filled.client("oscar").export("jsonl")
    first = next(pieces)
    filled.fill([QA] * 5, start=100)
    assert (first + b"".join(pieces)).count(b"\n") == 30


def test_what_utf8_cannot_write_does_not_end_a_stream(service: Service):
    service.fill_with([InstructionPair("Say \ud800 it", "", "It."), make_pair(1)], [QA, QA])
    rows = [json.loads(line) for line in b"".join(service.client("oscar").export("jsonl", text="raw")).splitlines()]
    assert [row["instruction"] for row in rows] == ["Say \ufffd it", make_pair(1).instruction]


def test_an_abandoned_export_frees_its_place(filled: Service):
    for _ in range(5):  # more than there are places
        pieces = filled.client("oscar").export("jsonl")
        next(pieces)
        pieces.close()
    assert b"".join(filled.client("oscar", tries=8).export("jsonl")).count(b"\n") == 30


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
