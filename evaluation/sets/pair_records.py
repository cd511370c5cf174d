"""Records of data sets as pairs: Alpaca's, and what exports of chats and ShareGPT look like; exactly as they stand.

Unlike intake, nothing is cleaned and an empty response stays a pair, so that row n of two files is the same pair.
"""

from collections.abc import Mapping
from typing import Any

import orjson

from coachlm.desk.dataset import TextChoice
from coachlm.pairs import InstructionPair, RejectReason
from evaluation.sets.chats import chat_pair

MAX_CHARS = 200_000
"""A longer pair is counted as too long: aligning its words alone would take seconds."""

_RESPONSES = ("output", "response", "reference response", "completion")
_MATERIAL = ("input", "context")
_PAPER_RAW = "Raw Instruction"


Questions = Mapping[str, str]
"""`question_id` → what was asked, of FastChat's, MT-Bench's, Arena-Hard's or Vicuna's question files."""


def pair_of(
    data: bytes | object, text: TextChoice = TextChoice.FINAL, questions: Questions | None = None
) -> InstructionPair | RejectReason:
    """The pair of one record, JSON or already decoded, or why it is none. Of a chat, the last exchange in its
    context.

    `text`: the side of a record that holds a pair before and after. `questions`: for answers that name theirs by id.
    """
    try:
        record = orjson.loads(data) if isinstance(data, bytes) else data
    except orjson.JSONDecodeError:
        return RejectReason.MALFORMED_JSON
    if not isinstance(record, Mapping):
        return RejectReason.MALFORMED_RECORD
    pair = _read(record, text, questions or {})
    if isinstance(pair, InstructionPair) and len(pair.instruction) + len(pair.input) + len(pair.response) > MAX_CHARS:
        return RejectReason.TOO_LONG
    return pair


def holds_both_sides(record: object) -> bool:
    """A revision: the pair before and after, as the paper's file or this project's write it."""
    return isinstance(record, Mapping) and (_PAPER_RAW in record or isinstance(record.get("revised"), Mapping))


def question_of(record: Mapping[str, Any]) -> tuple[str, str]:
    """Its id, and the first turn. Raises: KeyError, IndexError, TypeError, where it is no question."""
    turns = record.get("turns")
    asked = record["text"] if turns is None else turns[0]
    return str(record["question_id"]), asked["content"] if isinstance(asked, Mapping) else str(asked)


def _read(record: Mapping[str, Any], text: TextChoice, questions: Questions) -> InstructionPair | RejectReason:
    if holds_both_sides(record):
        return _side(record, text)
    if "instruction" in record:
        return _plain(record)
    if "question_id" in record and str(record["question_id"]) in questions:
        return _pair(questions[str(record["question_id"])], "", _answer(record))
    return chat_pair(record)


def _side(record: Mapping[str, Any], text: TextChoice) -> InstructionPair | RejectReason:
    is_raw = text is TextChoice.RAW
    if _PAPER_RAW in record:
        side = "Raw" if is_raw else "Revised"
        return _pair(*(record.get(f"{side} {name}") for name in ("Instruction", "Input", "Response")))
    found = record.get("raw" if is_raw else "revised")
    return _plain(found) if isinstance(found, Mapping) and "instruction" in found else RejectReason.MALFORMED_RECORD


def _answer(record: Mapping[str, Any]) -> object:
    """Of FastChat's `choices`, the first's first turn; of Vicuna's records, `text`."""
    try:
        answer = record["choices"][0]["turns"][0] if "choices" in record else record.get("text")
    except (KeyError, IndexError, TypeError):
        return 0  # no text: a malformed record
    return answer.get("content") if isinstance(answer, Mapping) else answer


def _plain(record: Mapping[str, Any]) -> InstructionPair | RejectReason:
    texts = (record["instruction"], _first(record, _MATERIAL), _first(record, _RESPONSES))
    return _pair(*texts)


def _first(record: Mapping[str, Any], names: tuple[str, ...]) -> object:
    return next((record[name] for name in names if name in record), None)


def _pair(*texts: object) -> InstructionPair | RejectReason:
    """Null and missing are empty; a pair without instruction and input is none."""
    found = ["" if text is None else text for text in texts]
    if not all(isinstance(text, str) for text in found):
        return RejectReason.MALFORMED_RECORD
    instruction, material, response = map(str, found)
    if not (instruction.strip() or material.strip()):
        return RejectReason.EMPTY
    return InstructionPair(instruction, material, response)
