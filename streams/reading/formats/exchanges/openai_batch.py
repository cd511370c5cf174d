"""Batch files: requests and responses in files of their own, joined on `custom_id` whatever their order.

Source: OpenAI API reference, "Batch"; vLLM's `run-batch` and Groq write the same; Anthropic's message batches put the
request into `params` and the message into `result`.
"""

from collections.abc import Iterator, Sequence

from coachlm.pairs import RejectReason
from streams.reading.formats.exchanges.exchange import Halves, read_exchange, read_response
from streams.reading.formats.parts.fields import Record, first_of, mapping, name_of
from streams.reading.formats.parts.outcomes import EntryError, LogFormat, Outcome, Piece, malformed
from streams.reading.sources.records import Fragment

_OTHER_ENDPOINTS = ("embeddings", "moderations", "images", "audio", "rerank", "score")


def matches(record: Record) -> bool:
    return "custom_id" in record and not record.keys().isdisjoint({"body", "params", "response", "result", "error"})


def read(record: Record) -> Iterator[Outcome]:
    key = name_of(record, "custom_id")
    if key is None:
        raise malformed("custom_id", record.get("custom_id"), "text")
    if any(name in str(record.get("url", "")) for name in _OTHER_ENDPOINTS):
        raise EntryError(RejectReason.NOT_A_GENERATION, "the call's endpoint writes no text")
    request = first_of(record, "body", "params")
    has_answer = not record.keys().isdisjoint({"response", "result", "error"})
    if request is not None and not has_answer:
        yield Piece(key, "request", {"body": request})
        return
    answer = _answer(record)
    if isinstance(answer["body"], dict) and "data" in answer["body"] and "choices" not in answer["body"]:
        raise EntryError(RejectReason.NOT_A_GENERATION, "the response does not come from a model that writes text")
    if request is None:
        yield Piece(key, "response", answer)
    else:
        yield from read_exchange(Halves(request, _body(answer), answer["status"]), {"id": key})


def assemble(fragments: Sequence[Fragment]) -> Iterator[Outcome]:
    """One request and one response; a failed response needs no request."""
    requests = [f.data for f in fragments if f.part == "request"]
    answers = [f.data for f in fragments if f.part == "response"]
    if not requests and len(answers) == 1:
        _check(answers[0])
    if len(requests) != 1 or len(answers) != 1:
        both = requests and answers
        problem = "its id was used more than once" if both or len(fragments) > 1 else "its other half never came"
        raise EntryError(RejectReason.UNMATCHED, problem)
    halves = Halves(requests[0]["body"], _body(answers[0]), answers[0]["status"])
    yield from read_exchange(halves, {"id": fragments[0].key})


def _answer(record: Record) -> Record:
    """What is kept of a response: status, body, and whether there was an error (never its text)."""
    response = mapping(first_of(record, "response", "result"))
    body = first_of(response, "body", "message")
    failed = bool(record.get("error")) or response.get("type") in ("errored", "canceled", "expired")
    status = response.get("status_code")
    return {"status": status if isinstance(status, int) else None, "body": body, "failed": failed}


def _body(answer: Record) -> object:
    return {"error": True} if answer["failed"] else answer["body"]


def _check(answer: Record) -> None:
    """Raises: EntryError, when the response failed, whatever was asked."""
    try:
        read_response(_body(answer), answer["status"])
    except EntryError as error:
        if error.reason is RejectReason.ERROR_RESPONSE:
            raise


FORMAT = LogFormat("openai_batch", "Batch files of OpenAI, vLLM, Groq, Anthropic", matches, read, assemble)
