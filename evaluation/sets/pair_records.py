"""Records of data sets as pairs: Alpaca's, and what exports of chats and ShareGPT look like; exactly as they stand.

Unlike intake, nothing is cleaned and an empty response stays a pair, so that row n of two files is the same pair.
"""

from collections.abc import Mapping
from typing import Any

import orjson

from coachlm.pairs import InstructionPair, RejectReason
from coachlm.text.user_text import split_user_text

MAX_CHARS = 200_000
"""A longer pair is counted as too long: aligning its words alone would take seconds."""

_RESPONSES = ("output", "response", "reference response", "completion")
_MATERIAL = ("input", "context")
_CHATS = {"messages": ("role", "content", "user", "assistant"), "conversations": ("from", "value", "human", "gpt")}


def pair_of(data: bytes | object) -> InstructionPair | RejectReason:
    """The pair of one record, JSON or already decoded, or why it is none. Of a chat, the first exchange."""
    try:
        record = orjson.loads(data) if isinstance(data, bytes) else data
    except orjson.JSONDecodeError:
        return RejectReason.MALFORMED_JSON
    if not isinstance(record, Mapping):
        return RejectReason.MALFORMED_RECORD
    pair = _chat(record) if "instruction" not in record else _plain(record)
    if isinstance(pair, InstructionPair) and len(pair.instruction) + len(pair.input) + len(pair.response) > MAX_CHARS:
        return RejectReason.TOO_LONG
    return pair


def _plain(record: Mapping[str, Any]) -> InstructionPair | RejectReason:
    texts = (record["instruction"], _first(record, _MATERIAL), _first(record, _RESPONSES))
    return _pair(*texts)


def _chat(record: Mapping[str, Any]) -> InstructionPair | RejectReason:
    for field, (speaker, said, user, model) in _CHATS.items():
        turns = record.get(field)
        if not isinstance(turns, list):
            continue
        spoken = {turn[speaker]: turn[said] for turn in reversed(turns) if _is_turn(turn, speaker, said)}
        if not isinstance(spoken.get(user), str):
            return RejectReason.MALFORMED_RECORD
        material = record.get("input")
        instruction, rest = split_user_text(spoken[user], material if isinstance(material, str) else "")
        return _pair(instruction, rest, spoken.get(model))
    return RejectReason.UNKNOWN_SHAPE


def _is_turn(turn: object, speaker: str, said: str) -> bool:
    return isinstance(turn, Mapping) and isinstance(turn.get(speaker), str) and said in turn


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
