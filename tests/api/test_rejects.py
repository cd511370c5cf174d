"""Rejects over HTTP: pages, one record, all of them; for those who run an installation."""

import json

import pytest

from api.client.client import ForbiddenError, MissingError, RefusedInputError
from coachlm.pairs import RejectReason
from tests.api.service import Service

LINES = (b'{"prompt": "Mail jane.doe@example.com", "reply": "Which?"}\n', b"\n", b"<html>\n", b"{}\n")


@pytest.fixture
def posted(service: Service) -> str:
    """The source under which the lines were posted."""
    verdicts = list(service.client("ines").logs.post(LINES, request_id="r1"))
    assert not any(verdict.ok for verdict in verdicts)
    (source,) = {reject.source for reject in service.client("oscar").rejects.page().rejects}
    return source


@pytest.mark.parametrize("name", ["olga", "oscar", "root"])
def test_pages_and_records(service: Service, posted: str, name: str):
    rejects = service.client(name).rejects
    first = rejects.page(limit=2, source=posted)
    assert [(one.record, one.reason) for one in first.rejects] == [
        (0, RejectReason.NO_RESPONSE),
        (2, RejectReason.MALFORMED_JSON),
    ]
    assert first.counts == dict.fromkeys(("malformed_json", "no_response", "unknown_shape"), 1)
    rest = rejects.page(after=first.next)
    assert (rest.next, rest.counts) == (None, None)
    (shown,) = rejects.of_record(first.rejects[0].place)
    assert shown.excerpt == '{"prompt": "Mail <EMAIL_1>", "reply": "Which?"}'
    assert shown.advice
    lines = [json.loads(line) for line in b"".join(rejects.export()).splitlines()]
    assert [line["reason"] for line in lines] == ["no_response", "malformed_json", "unknown_shape"]
    assert b"".join(rejects.export(reason=RejectReason.EMPTY)) == b""


def test_what_is_refused(service: Service, posted: str):
    with pytest.raises(RefusedInputError, match="begin without"):
        service.client("oscar").rejects.page(after="odd")
    with pytest.raises(MissingError, match="nothing of"):
        service.client("oscar").rejects.of_record(f"{posted}:2")
    for call in ("page", "export"):
        with pytest.raises(ForbiddenError):
            list(getattr(service.client("ada").rejects, call)())


def test_an_expression_chooses_what_is_exported(service: Service):
    good = {"instruction": "Name a plum, please.", "output": "A mirabelle is a small yellow plum.", "thumbs": "up"}
    list(service.client("ines").logs.post([json.dumps(good).encode() + b"\n"]))
    exports = service.client("oscar").exports
    assert b"mirabelle" in b"".join(exports.read(where="mark=good"))
    assert b"".join(exports.read(where="mark=bad")) == b""
    with pytest.raises(RefusedInputError, match="signal:NAME"):
        b"".join(exports.read(where="thumbs=up"))
