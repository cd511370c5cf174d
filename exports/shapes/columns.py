"""The columns of each format: what a row holds, in which types, and what it means."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from exports.choices.export_formats import LABELLED, PREFERENCES, TEXTS, ExportFormat
from exports.choices.export_options import PROVENANCE_COLUMNS, ExportOptions

Fields = tuple[tuple[str, Any], ...]


@dataclass(frozen=True, slots=True)
class ListOf:
    """A list of objects."""

    fields: Fields


@dataclass(frozen=True, slots=True)
class ObjectOf:
    """One object."""

    fields: Fields


@dataclass(frozen=True, slots=True)
class Column:
    """`type`: `string`, `int64`, `bool`, ListOf or ObjectOf."""

    name: str
    about: str
    type: Any = "string"


_CALLS = ListOf(
    (("id", "string"), ("type", "string"), ("function", ObjectOf((("name", "string"), ("arguments", "string")))))
)
_TURN: Fields = (("from", "string"), ("value", "string"))
_NAMED_TOOL: Fields = (("type", "string"), ("function", ObjectOf((("name", "string"),))))
_INPUT = Column("input", "The material that the instruction works on; the last user's message ends with it.")
_NUMBER = Column("turn", "Which turn of its conversation the pair is, from 1.", "int64")
_SYSTEM = Column("system", "The system prompt; empty where there was none.")
_TOOLS = Column("tools", "JSON: the tools at hand. Logs' definitions are kept by name alone, so parameters are empty.")
_SO_FAR = "What was said before and the question, in order"
_ABOUT_PROVENANCE = {
    "id": "Id of the pair as logged; of a conversation, of its last turn.",
    "status": "How far the pair has come.",
    "text_stage": "Whose words: `raw` the log's, `revised` the coach's, `final` the people's.",
    "task_class": "Class of the task.",
    "source_format": "Format of the log.",
    "language": "ISO 639-1.",
    "engine": "Which engine revised it.",
    "adapter": "Content digest of the coach's adapter.",
    "outcome": "How the revision ended.",
    "exclude_reason": "Why the pair is excluded.",
    "duplicate_of": "Id of the pair that it nearly copies.",
}


def columns(options: ExportOptions) -> tuple[Column, ...]:
    """In the order of the record's keys."""
    found = _COLUMNS[options.format](options)
    if options.provenance:
        found += tuple(Column(name, _ABOUT_PROVENANCE[name]) for name in PROVENANCE_COLUMNS)
    return found


def is_nested(options: ExportOptions) -> bool:
    """Whether readers that guess types from the first rows may guess wrong."""
    return options.format not in TEXTS and options.format is not ExportFormat.REVISIONS


def arrow_schema(found: tuple[Column, ...]) -> pa.Schema:
    return pa.schema([(column.name, _arrow(column.type)) for column in found])


def features(found: tuple[Column, ...]) -> list[dict[str, Any]]:
    """As a data card declares them to `datasets`."""
    return list(_features((column.name, column.type) for column in found))


def _arrow(type_: Any) -> pa.DataType:
    match type_:
        case ListOf(fields):
            return pa.list_(pa.struct([(name, _arrow(inner)) for name, inner in fields]))
        case ObjectOf(fields):
            return pa.struct([(name, _arrow(inner)) for name, inner in fields])
        case _:
            return pa.type_for_alias(type_)


def _features(fields: Iterator[tuple[str, Any]]) -> Iterator[dict[str, Any]]:
    for name, type_ in fields:
        match type_:
            case ListOf(inner):
                yield {"name": name, "list": list(_features(iter(inner)))}
            case ObjectOf(inner):
                yield {"name": name, "struct": list(_features(iter(inner)))}
            case _:
                yield {"name": name, "dtype": type_}


def _message(options: ExportOptions) -> ListOf:
    strict = options.format is ExportFormat.MESSAGES
    fields: Fields = (("role", "string"), ("content", "string"), ("tool_calls", _CALLS), ("tool_call_id", "string"))
    fields += () if strict else (("name", "string"),)
    fields += (("reasoning_content", "string"),) if options.with_reasoning else ()
    fields += (("weight", "int64"),) if options.is_whole or strict else ()
    fields += (("edited", "bool"),) if options.is_whole and not strict else ()
    return ListOf(fields)


def _about_weights(options: ExportOptions) -> str:
    if options.is_whole:
        return (
            " Of the model's messages, `weight` says which are to be learned, 1, or 0 for what is context; `edited`, "
            "which people or the coach wrote."
        )
    return ""


def _texts(options: ExportOptions) -> tuple[Column, ...]:
    found = (
        Column("instruction", "What was asked."),
        Column("input", "The material that the instruction works on; empty where there is none."),
        Column("output", "The answer."),
    )
    return (
        (*found, Column("reasoning", "What the model thought first, as logged.")) if options.with_reasoning else found
    )


def _chat(options: ExportOptions) -> tuple[Column, ...]:
    about = f"System prompt, all that was said in order, and the answer last.{_about_weights(options)}"
    found = (Column("messages", about, _message(options)), _TOOLS)
    return found if options.is_whole else (*found, _INPUT, _NUMBER)


def _sharegpt(options: ExportOptions) -> tuple[Column, ...]:
    turn = _TURN + ((("weight", "int64"), ("edited", "bool")) if options.is_whole else ())
    about = f"All that was said in order, the answer last.{_about_weights(options)}"
    found = (Column("conversations", about, ListOf(turn)), _SYSTEM, _TOOLS)
    return found if options.is_whole else (*found, _INPUT, _NUMBER)


def _messages(options: ExportOptions) -> tuple[Column, ...]:
    about = "System prompt, all that was said in order, and the answer last; an answer of weight 0 is not learned."
    tools = Column("tools", "The tools at hand, by name; only where there are any.", ListOf(_NAMED_TOOL))
    return Column("messages", about, _message(options)), tools


def _trl(options: ExportOptions) -> tuple[Column, ...]:
    if options.is_whole:
        about = f"System prompt and all that was said in order.{_about_weights(options)}"
        return Column("messages", about, _message(options)), _TOOLS
    completion = Column("completion", "The answer: what is learned.", _message(options))
    return Column("prompt", f"{_SO_FAR}.", _message(options)), completion, _TOOLS


def _preferences(options: ExportOptions) -> tuple[Column, ...]:
    prompt = Column("prompt", f"{_SO_FAR}, as the preferred answer's text has them.", _message(options))
    if options.format in LABELLED:
        completion = Column("completion", "An answer.", _message(options))
        return prompt, completion, Column("label", "Whether the answer is wanted.", "bool"), _TOOLS
    chosen = Column("chosen", "The preferred answer.", _message(options))
    return prompt, chosen, Column("rejected", "The answer that lost.", _message(options)), _TOOLS


def _sharegpt_preferences(options: ExportOptions) -> tuple[Column, ...]:
    if options.format in LABELLED:
        about = f"{_SO_FAR}, and an answer."
        label = Column("kto_tag", "Whether the answer is wanted.", "bool")
        return Column("conversations", about, ListOf(_TURN)), label, _SYSTEM, _TOOLS
    said = Column("conversations", f"{_SO_FAR}.", ListOf(_TURN))
    chosen = Column("chosen", "The preferred answer.", ObjectOf(_TURN))
    return said, chosen, Column("rejected", "The answer that lost.", ObjectOf(_TURN)), _SYSTEM, _TOOLS


def _revisions(_: ExportOptions) -> tuple[Column, ...]:
    sides = (("Raw", "as logged"), ("Revised", "as people or the coach wrote it"))
    parts = ("Instruction", "Input", "Response")
    texts = [Column(f"{side} {part}", f"The {part.lower()} {about}.") for side, about in sides for part in parts]
    return (*texts, Column("Distance", "Characters to change between the two, as the paper counts.", "int64"))


_COLUMNS: dict[ExportFormat, Callable[[ExportOptions], tuple[Column, ...]]] = {
    **dict.fromkeys(TEXTS, _texts),
    ExportFormat.CHAT: _chat,
    ExportFormat.SHAREGPT: _sharegpt,
    ExportFormat.MESSAGES: _messages,
    ExportFormat.TRL: _trl,
    **dict.fromkeys(PREFERENCES, _preferences),
    ExportFormat.SHAREGPT_DPO: _sharegpt_preferences,
    ExportFormat.SHAREGPT_KTO: _sharegpt_preferences,
    ExportFormat.REVISIONS: _revisions,
}
