"""OTLP in protobuf, from brokers and files, as the OpenTelemetry Collector writes it."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from coachlm.machine import extras
from coachlm.pairs import Reject, RejectReason
from streams.reading.sources import read_source
from streams.reading.sources.records import ParseOptions, RawRecord
from tests.streams.formats.parsing import pairs, read
from tests.streams.formats.samples import ANSWER, ASKED, PARTS_IN, PARTS_OUT, typed_pairs

ATTRIBUTES = typed_pairs(
    {
        "gen_ai.operation.name": "chat",
        "gen_ai.input.messages": json.dumps(PARTS_IN),
        "gen_ai.output.messages": json.dumps(PARTS_OUT),
    }
)
pytest.importorskip("opentelemetry.proto.trace", reason="the extra `otlp` is not installed")


def envelope(value: dict[str, Any]) -> bytes:
    from google.protobuf.json_format import ParseDict
    from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    kind = ExportLogsServiceRequest if "resourceLogs" in value else ExportTraceServiceRequest
    return ParseDict(value, kind()).SerializeToString()


def traces() -> bytes:
    # protobuf's own JSON has ids in base64
    span = {
        "traceId": "q83vASNFZ4mrze8BI0VniQ==",
        "spanId": "q83vASNFZ4k=",
        "name": "chat",
        "startTimeUnixNano": "1760000000000000000",
        "attributes": ATTRIBUTES,
    }
    return envelope({"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]})


def logs() -> bytes:
    record = {"timeUnixNano": "1760000000000000000", "eventName": "gen_ai.details", "attributes": ATTRIBUTES}
    return envelope({"resourceLogs": [{"scopeLogs": [{"logRecords": [record]}]}]})


def records(path: Path, data: bytes) -> list[Any]:
    path.write_bytes(data)
    return [r.data if isinstance(r, RawRecord) else r for r in read_source(str(path), ParseOptions())]


def test_messages_of_a_broker() -> None:
    (item,), _ = read(traces())

    assert (item.pair.instruction, item.pair.response) == (ASKED, ANSWER)
    assert item.provenance.source_id == "abcdef0123456789"
    assert pairs(logs()) == [(ASKED, ANSWER)]


def test_files_of_one_message_and_of_many(tmp_path: Path) -> None:
    both = [traces(), logs(), traces()]
    sized = b"".join(len(message).to_bytes(4, "big") + message for message in both)

    assert ["resourceSpans" in data for data in records(tmp_path / "one", traces())] == [True]
    assert ["resourceSpans" in data for data in records(tmp_path / "many", sized)] == [True, False, True]


def test_a_file_cut_short_says_so(tmp_path: Path) -> None:
    sized = b"".join(len(message).to_bytes(4, "big") + message for message in (traces(), traces()))
    first, second = records(tmp_path / "cut", sized[:-9])

    assert "resourceSpans" in first
    assert isinstance(second, Reject)
    assert second.reason is RejectReason.UNREADABLE


def test_json_after_blank_lines_is_no_protobuf(tmp_path: Path) -> None:
    record = json.dumps({"instruction": ASKED, "output": ANSWER}).encode()

    assert pairs(b"\n\n\n" + record) == [(ASKED, ANSWER)]
    assert records(tmp_path / "log.jsonl", b"\n\n\n" + record + b"\n") == [record]


def test_without_the_package_the_remedy_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extras, "OTLP", replace(extras.OTLP, packages=("nowhere.to.be.found",)))
    _, (reject,) = read(traces())

    assert reject.reason is RejectReason.UNREADABLE
    assert "pip install '.[otlp]'" in reject.detail
