"""Every log format by name, and which one a record is in, told by its keys."""

from coachlm.errors import InputError
from streams.reading.formats import containers
from streams.reading.formats.exchanges import (
    azure_apim,
    bedrock_log,
    calls,
    exchange,
    gemini_batch,
    litellm,
    openai_batch,
    sagemaker,
)
from streams.reading.formats.files import alpaca, cassette, chat, columns, oasst, preferences, text
from streams.reading.formats.parts.fields import Record
from streams.reading.formats.parts.outcomes import LogFormat
from streams.reading.formats.programs import (
    chatgpt,
    claude_ai,
    claude_code,
    librechat,
    lm_studio,
    open_webui,
    sillytavern,
)
from streams.reading.formats.traces import (
    langfuse,
    langfuse_otel,
    langsmith,
    mlflow,
    openinference,
    openllmetry,
    otel_genai,
    otlp,
    vercel_ai,
)
from streams.reading.formats.traces.spans import is_span

_BEFORE = (
    chatgpt.FORMAT,
    claude_ai.FORMAT,
    claude_code.FORMAT,
    open_webui.FORMAT,
    librechat.FORMAT,
    lm_studio.FORMAT,
    sillytavern.FORMAT,
    bedrock_log.FORMAT,
    sagemaker.FORMAT,
    azure_apim.FORMAT,
    gemini_batch.FORMAT,
    langsmith.FORMAT,
    mlflow.TRACE,
    columns.FORMAT,
    preferences.FORMAT,
    alpaca.FORMAT,
    openai_batch.FORMAT,
    cassette.FORMAT,
    litellm.FORMAT,
    langfuse.FORMAT,
    otlp.FORMAT,
    oasst.TREE,
    oasst.MESSAGE,
    chat.SHAREGPT,
)
"""In the order in which they are tried; spans come next, then exchanges, then what is left."""
_SPANS = (
    mlflow.SPAN,
    langfuse_otel.FORMAT,
    vercel_ai.FORMAT,
    openinference.FORMAT,
    openllmetry.FORMAT,
    otel_genai.FORMAT,
)
_AFTER = (chat.FORMAT, chat.ULTRACHAT, text.FORMAT, langfuse.CHATML, containers.FORMAT)

FORMATS: dict[str, LogFormat] = {format.name: format for format in (*_BEFORE, *_SPANS, *calls.FORMATS, *_AFTER)}

LISTS_OF_MESSAGES = (*chat.MESSAGES, *chat.CONVERSATIONS, "chat_messages", "choices")
"""Keys that formats know; with something else behind them a record is in none."""


def check_format(name: str | None) -> None:
    """Raises: InputError, when a format is named that does not exist."""
    if name is not None and name not in FORMATS:
        raise InputError(f"unknown log format {name!r}; choose one of: {', '.join(sorted(FORMATS))}")


def detect(record: Record) -> str | None:
    """The name of the format of a decoded record; None if it is of none."""
    for format in _BEFORE:
        if format.matches(record):
            return format.name
    if is_span(record):
        return next(format.name for format in _SPANS if format.matches(record))
    if (name := exchange.family(record)) is not None:
        return name
    for format in _AFTER:
        if format.matches(record):
            return format.name
    return None
