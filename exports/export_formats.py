"""The shapes in which a data set is written; docs/reference/data-set.md describes each."""

from enum import StrEnum

from coachlm.context import Role
from coachlm.pairs import InstructionPair
from exports.chat_shapes import Record, chat_messages, sharegpt_turns, spoken, system_prompt

__all__ = ["SUFFIXES", "ExportFormat", "Record", "shape"]


class ExportFormat(StrEnum):
    """One shape and container."""

    ALPACA = "alpaca"  # JSON array of instruction, input, output
    SHAREGPT = "sharegpt"  # JSON array of conversations
    CHAT = "chat"  # JSON lines of messages
    JSONL = "jsonl"  # JSON lines of instruction, input, output
    PARQUET = "parquet"  # instruction, input, output
    CSV = "csv"  # the same for spreadsheets; cells that would be formulas are defused


SUFFIXES: dict[ExportFormat, str] = {
    ExportFormat.ALPACA: ".json",
    ExportFormat.SHAREGPT: ".json",
    ExportFormat.CHAT: ".jsonl",
    ExportFormat.JSONL: ".jsonl",
    ExportFormat.PARQUET: ".parquet",
    ExportFormat.CSV: ".csv",
}


def shape(format: ExportFormat, pair: InstructionPair) -> Record:
    """The pair in the format's keys.

    Chat-shaped records hold everything in the messages: the system prompt, what was said before, and the pair as the
    last turn. Its number and its input stand beside them, at the record's top level where no chat template or validator
    of messages sees it: `split_user_text` gives the exact pair back.
    """
    if format in (ExportFormat.SHAREGPT, ExportFormat.CHAT):
        messages = spoken(pair)
        beside = {"input": pair.input, "turn": sum(message.role is Role.USER for message in messages)}
        if format is ExportFormat.CHAT:
            return {"messages": chat_messages(system_prompt(pair), messages), **beside}
        return {"conversations": sharegpt_turns(messages), "system": system_prompt(pair), **beside}
    return pair.as_dict()
