"""A pair, a conversation or a comparison in the keys of each format."""

from typing import Any

from coachlm.desk.dataset import DatasetRow
from coachlm.pairs import InstructionPair
from coachlm.text.distance import pair_distance
from exports.choices.export_formats import LABELLED, TEXTS, ExportFormat
from exports.choices.export_options import ExportOptions
from exports.shapes.chat_shapes import Record, chat_messages, sharegpt_turns, tool_definitions
from exports.shapes.conversations import Branch, is_edited, whole_dialogue
from exports.shapes.dialogues import Dialogue, Said, dialogue_of, reasoning_of
from exports.shapes.preferences import Comparison, Verdict
from exports.shapes.service_rules import broken_rule

NOTHING_EDITED = "no turn was edited"
_SHAREGPT = frozenset({ExportFormat.SHAREGPT, ExportFormat.SHAREGPT_DPO, ExportFormat.SHAREGPT_KTO})


def pair_record(row: DatasetRow, options: ExportOptions) -> Record | str:
    """A pair, or why the format can't hold it.

    Chat-shaped records hold everything in the messages: the system prompt, what was said before, and the pair as the
    last turn. Its number and its input stand beside them, at the record's top level where no chat template or validator
    of messages sees it: `split_user_text` gives the exact pair back.
    """
    if options.format is ExportFormat.REVISIONS:
        return _revision(row, options)
    reasoning = reasoning_of(row) if options.with_reasoning else ""
    if options.format in TEXTS:
        record: Record = dict(row.own_text(options.text).as_dict())
        return record | {"reasoning": reasoning} if options.with_reasoning else record
    pair = row.text(options.text)
    dialogue = dialogue_of(pair, reasoning)
    if options.format is ExportFormat.TRL:
        messages = chat_messages(dialogue)
        return {"prompt": messages[:-1], "completion": messages[-1:], "tools": tool_definitions(dialogue.tools)}
    if options.format is ExportFormat.MESSAGES:
        return _services_record(_answer_alone(dialogue))
    return _chat_record(dialogue, options) | {"input": pair.input, "turn": dialogue.turns}


def conversation_record(branch: Branch, options: ExportOptions) -> Record | str:
    """All turns, or why the conversation is left out."""
    dialogue = whole_dialogue(branch, options.text, options.train_on, with_reasoning=options.with_reasoning)
    if not any(said.weight for said in dialogue.said):
        return NOTHING_EDITED
    return _services_record(dialogue) if options.format is ExportFormat.MESSAGES else _chat_record(dialogue, options)


def comparison_record(compared: Comparison, options: ExportOptions) -> Record:
    dialogue = dialogue_of(compared.chosen)
    if options.format in _SHAREGPT:
        turns = sharegpt_turns(dialogue.said)
        lost = {"from": "gpt", "value": compared.rejected}
        sides: Record = {"conversations": turns[:-1], "chosen": turns[-1], "rejected": lost}
        return sides | {"system": dialogue.system, "tools": tool_definitions(dialogue.tools)}
    messages = chat_messages(dialogue)
    lost = [{"role": "assistant", "content": compared.rejected}]
    sides = {"prompt": messages[:-1], "chosen": messages[-1:], "rejected": lost}
    return sides | {"tools": tool_definitions(dialogue.tools)}


def verdict_record(verdict: Verdict, options: ExportOptions) -> Record:
    dialogue = dialogue_of(verdict.pair)
    if options.format in _SHAREGPT:
        said = {"conversations": sharegpt_turns(dialogue.said), "kto_tag": verdict.wanted}
        return said | {"system": dialogue.system, "tools": tool_definitions(dialogue.tools)}
    messages = chat_messages(dialogue)
    said = {"prompt": messages[:-1], "completion": messages[-1:], "label": verdict.wanted}
    return said | {"tools": tool_definitions(dialogue.tools)}


def is_labelled(options: ExportOptions) -> bool:
    return options.format in LABELLED


def _chat_record(dialogue: Dialogue, options: ExportOptions) -> Record:
    tools = tool_definitions(dialogue.tools)
    if options.format in _SHAREGPT:
        return {"conversations": sharegpt_turns(dialogue.said), "system": dialogue.system, "tools": tools}
    return {"messages": chat_messages(dialogue), "tools": tools}


def _services_record(dialogue: Dialogue) -> Record | str:
    """Messages and nothing else, or the rule of the services that the row breaks."""
    record: Record = {"messages": chat_messages(dialogue, is_strict=True)}
    if dialogue.tools:
        record["tools"] = [{"type": "function", "function": {"name": name}} for name in dialogue.tools]
    problem = broken_rule(record)
    return record if problem is None else f"services refuse it: {problem}"


def _answer_alone(dialogue: Dialogue) -> Dialogue:
    """With weights by which the answer alone is learned."""
    *before, answer = dialogue.said
    said = [Said(each.message, _context_weight(each)) for each in before]
    return Dialogue(dialogue.system, (*said, Said(answer.message, 1)), dialogue.tools)


def _context_weight(said: Said) -> int | None:
    return 0 if said.message.role.value == "assistant" else None


def _revision(row: DatasetRow, options: ExportOptions) -> Record | str:
    if not is_edited(row, options.text):
        return NOTHING_EDITED
    revised = row.own_text(options.text)
    return _side("Raw", row.raw) | _side("Revised", revised) | {"Distance": pair_distance(row.raw, revised)}


def _side(side: str, pair: InstructionPair) -> dict[str, Any]:
    return dict(zip((f"{side} Instruction", f"{side} Input", f"{side} Response"), pair.texts, strict=True))
