"""MLflow's traces: spans with `mlflow.spanInputs` and `mlflow.spanOutputs`. Source: MLflow, "Trace Data Model"."""

from collections.abc import Iterator
from typing import Any

from coachlm.pairs import RejectReason
from streams.reading.formats.exchanges.exchange import Halves, read_exchange
from streams.reading.formats.messages.circumstances import fill
from streams.reading.formats.parts.attributes import span_attributes
from streams.reading.formats.parts.decoding import decode_text
from streams.reading.formats.parts.fields import Record, first_of, mapping
from streams.reading.formats.parts.outcomes import Chat, EntryError, Inner, LogFormat, Outcome
from streams.reading.formats.traces.spans import check_status, is_span, span_chat

_KINDS = ("CHAT_MODEL", "LLM", "COMPLETION")
_ASSESSED = "mlflow.trace.assessments"
_PEOPLE = {"mlflow.trace.session": "session.id", "mlflow.trace.user": "user.id"}


def matches_span(record: Record) -> bool:
    attributes = record.get("attributes")
    return (
        isinstance(attributes, dict) and is_span(record) and any(str(key).startswith("mlflow.") for key in attributes)
    )


def matches_trace(record: Record) -> bool:
    spans = _spans(record)
    return bool(spans) and all(isinstance(span, dict) and matches_span(span) for span in spans or [])


def _spans(record: Record) -> list[Any] | None:
    data = record.get("data")
    data = decode_text(data) if isinstance(data, str) else data
    spans = first_of(mapping(data), "spans") if isinstance(data, dict) else record.get("spans")
    spans = decode_text(spans) if isinstance(spans, str) else spans
    return spans if isinstance(spans, list) else None


def read_trace(record: Record) -> Iterator[Outcome]:
    """The spans, each with the trace's session, user and assessments."""
    info = mapping(record.get("info"))
    told = mapping(first_of(info, "trace_metadata", "request_metadata")) | mapping(record.get("trace_metadata"))
    shared: Record = {name: told[key] for key, name in _PEOPLE.items() if key in told}
    assessments = first_of(info, "assessments") or record.get("assessments")
    for span in _spans(record) or []:
        attributes = {**shared, **mapping(span.get("attributes"))}
        yield Inner({**span, "attributes": attributes, _ASSESSED: assessments})


def read_span(record: Record) -> Iterator[Outcome]:
    attributes = span_attributes(record)
    if _value(attributes, "mlflow.spanType") not in _KINDS:
        raise EntryError(RejectReason.NOT_A_GENERATION, "the span is of another type than a model's call")
    check_status(record, {})
    raw = mapping(record.get("attributes"))
    halves = Halves(_value(raw, "mlflow.spanInputs"), _value(raw, "mlflow.spanOutputs"))
    for outcome in read_exchange(halves):
        if isinstance(outcome, Chat):
            spanned = span_chat(outcome.messages, record, attributes)
            spanned.model = outcome.model or spanned.model
            spanned.notes = outcome.notes
            outcome = fill(spanned, {"assessments": record.get(_ASSESSED)})
        yield outcome


def _value(attributes: Record, key: str) -> Any:
    """An attribute's value, which MLflow writes as JSON text."""
    value = attributes.get(key)
    if isinstance(value, str):
        decoded = decode_text(value)
        return decoded if not isinstance(decoded, str) else value.strip('"') if key.endswith("Type") else value
    return value


SPAN = LogFormat("mlflow", "MLflow's spans", matches_span, read_span, strict=True)
TRACE = LogFormat("mlflow_trace", "MLflow's traces", matches_trace, read_trace, strict=True)
