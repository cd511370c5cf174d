"""Gemini's batch files: requests and responses in files of their own, joined on `key`.

Source: Gemini API, "Batch API".
"""

from collections.abc import Iterator, Sequence

from coachlm.pairs import RejectReason
from streams.reading.formats.exchanges.exchange import Halves, read_exchange
from streams.reading.formats.parts.fields import Record, mapping, name_of
from streams.reading.formats.parts.outcomes import EntryError, LogFormat, Outcome, Piece
from streams.reading.formats.providers import gemini
from streams.reading.sources.records import Fragment


def _key(record: Record) -> str | None:
    return name_of(record, "key") or name_of(mapping(record.get("metadata")), "key")


def matches(record: Record) -> bool:
    request, response = mapping(record.get("request")), mapping(record.get("response"))
    if (request and response) or _key(record) is None:
        return False
    return "contents" in request or gemini.recognises(response) or ("error" in record and len(record) <= 3)


def read(record: Record) -> Iterator[Outcome]:
    part = "request" if record.get("request") else "response"
    yield Piece(_key(record) or "", part, {"error": True} if record.get("error") else record.get(part))


def assemble(fragments: Sequence[Fragment]) -> Iterator[Outcome]:
    halves = {fragment.part: fragment.data for fragment in fragments}
    if len(halves) != 2:
        raise EntryError(RejectReason.UNMATCHED, "its other half never came")
    yield from read_exchange(Halves(halves["request"], halves["response"]), {"id": fragments[0].key})


FORMAT = LogFormat("gemini_batch", "Gemini's batch files", matches, read, assemble, strict=True)
