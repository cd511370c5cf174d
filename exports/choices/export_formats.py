"""The shapes in which a data set is written; docs/reference/data-set.md describes each."""

from enum import StrEnum

__all__ = ["CHATS", "PREFERENCES", "SUFFIXES", "TEXTS", "ExportFormat", "Rejected", "Rows", "TrainOn"]


class ExportFormat(StrEnum):
    """One shape and container."""

    ALPACA = "alpaca"  # JSON array of instruction, input, output
    SHAREGPT = "sharegpt"  # JSON array of conversations
    CHAT = "chat"  # JSON lines of messages
    JSONL = "jsonl"  # JSON lines of instruction, input, output
    PARQUET = "parquet"  # instruction, input, output
    CSV = "csv"  # the same for spreadsheets; cells that would be formulas are defused
    MESSAGES = "messages"  # JSON lines of messages and nothing else, as fine-tuning services take them
    TRL = "trl"  # Parquet of prompt and completion, or messages, as TRL's trainers take them
    DPO = "dpo"  # JSON lines of prompt, chosen, rejected
    ORPO = "orpo"  # the same
    KTO = "kto"  # JSON lines of prompt, completion, label
    SHAREGPT_DPO = "sharegpt-dpo"  # JSON array of conversations, chosen, rejected
    SHAREGPT_KTO = "sharegpt-kto"  # JSON array of conversations, kto_tag
    REVISIONS = "revisions"  # JSON lines of the raw and the revised pair, in the paper's names


SUFFIXES: dict[ExportFormat, str] = {
    ExportFormat.ALPACA: ".json",
    ExportFormat.SHAREGPT: ".json",
    ExportFormat.CHAT: ".jsonl",
    ExportFormat.JSONL: ".jsonl",
    ExportFormat.PARQUET: ".parquet",
    ExportFormat.CSV: ".csv",
    ExportFormat.MESSAGES: ".jsonl",
    ExportFormat.TRL: ".parquet",
    ExportFormat.DPO: ".jsonl",
    ExportFormat.ORPO: ".jsonl",
    ExportFormat.KTO: ".jsonl",
    ExportFormat.SHAREGPT_DPO: ".json",
    ExportFormat.SHAREGPT_KTO: ".json",
    ExportFormat.REVISIONS: ".jsonl",
}
TEXTS = frozenset({ExportFormat.ALPACA, ExportFormat.JSONL, ExportFormat.PARQUET, ExportFormat.CSV})
"""The three texts of a pair, without its context."""
CHATS = frozenset({ExportFormat.CHAT, ExportFormat.SHAREGPT, ExportFormat.MESSAGES, ExportFormat.TRL})
"""Messages, with all that was said before."""
PREFERENCES = frozenset(
    {ExportFormat.DPO, ExportFormat.ORPO, ExportFormat.KTO, ExportFormat.SHAREGPT_DPO, ExportFormat.SHAREGPT_KTO}
)
"""Answers that are preferred and such that are not."""
LABELLED = frozenset({ExportFormat.KTO, ExportFormat.SHAREGPT_KTO})
"""Of these, those in which each answer stands alone, with a label."""


class Rows(StrEnum):
    """What a row is."""

    PAIRS = "pairs"  # a row for each pair; what was said before is its context
    CONVERSATIONS = "conversations"  # a row for each conversation, with all of its turns


class TrainOn(StrEnum):
    """Which answers of a conversation have the weight 1."""

    ALL = "all"  # those of all pairs that were chosen
    EDITED = "edited"  # those that people or the coach wrote; conversations without any are left out


class Rejected(StrEnum):
    """Where the answers come from that lose."""

    RAW = "raw"  # the logged answer
    COACH = "coach"  # the coach's answer, where people wrote another
    LOG = "log"  # answers that the log itself names as rejected or marks as bad
    RATINGS = "ratings"  # versions that blind raters liked less
