"""LangSmith's runs, alone or with their children. Source: LangSmith, "Run data format"."""

from collections.abc import Iterator
from typing import Any

from coachlm.pairs import RejectReason
from streams.reading.formats.exchanges.exchange import Halves, read_exchange
from streams.reading.formats.messages.circumstances import fill
from streams.reading.formats.parts.decoding import decode_text
from streams.reading.formats.parts.fields import Record, first_of, mapping, name_of, time_of
from streams.reading.formats.parts.outcomes import Chat, EntryError, Inner, LogFormat, Outcome

_OWN = ("run_type", "child_runs", "session_id", "session_name", "inputs", "outputs", "extra", "metadata")


def matches(record: Record) -> bool:
    return isinstance(record.get("run_type"), str) and not record.keys().isdisjoint({"inputs", "outputs", "child_runs"})


def read(record: Record) -> Iterator[Outcome]:
    try:
        yield from _read_run(record)
    except EntryError as error:
        yield error
    children = record.get("child_runs")
    for child in children if isinstance(children, list) else []:
        yield Inner(child)


def _read_run(record: Record) -> Iterator[Outcome]:
    if record["run_type"] not in ("llm", "chat_model"):
        raise EntryError(RejectReason.NOT_A_GENERATION, "the run is of another type than `llm`")
    if record.get("error"):
        raise EntryError(RejectReason.ERROR_RESPONSE, "the run failed")
    for outcome in read_exchange(Halves(_inputs(record), _outputs(record))):
        yield _with_circumstances(outcome, record) if isinstance(outcome, Chat) else outcome


def _inputs(record: Record) -> Any:
    value = record.get("inputs")
    value = decode_text(value) if isinstance(value, str) else value
    prompts = mapping(value).get("prompts")
    return prompts if isinstance(prompts, list) and len(prompts) == 1 else value


def _outputs(record: Record) -> Any:
    value = record.get("outputs")
    value = decode_text(value) if isinstance(value, str) else value
    body = mapping(value)
    inner = first_of(body, "output", "outputs")
    return inner if len(body) == 1 and isinstance(inner, str | dict | list) else value


def _with_circumstances(chat: Chat, record: Record) -> Chat:
    extra = mapping(record.get("extra"))
    metadata = mapping(extra.get("metadata"))
    invocation = mapping(extra.get("invocation_params"))
    chat.source_id = name_of(record, "id", "run_id")
    chat.timestamp = time_of(record, "end_time", "start_time")
    chat.model = chat.model or name_of(metadata, "ls_model_name") or name_of(invocation, "model", "model_name")
    chat.session_id = name_of(metadata, "session_id", "thread_id", "conversation_id")
    chat.user_id = name_of(metadata, "user_id")
    return fill(chat, {key: value for key, value in record.items() if key not in _OWN})


FORMAT = LogFormat("langsmith", "LangSmith runs", matches, read, strict=True)
