"""Conversations become instruction pairs: which turns, with how much of what was said before.

Here texts are cleaned and personal data is replaced, before anything is cut; user and session ids are hashed.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby, zip_longest
from typing import Any

from coachlm.pairs import InstructionPair, Position, Provenance, Reject, RejectReason, SourcedPair
from coachlm.settings import Turns
from coachlm.text.blanks import is_blank
from streams.reading.remarks import flaw_of, remarks_of, texts_of, with_texts
from streams.reading.sources.records import Conversation, Message, Role

Redact = Callable[[Sequence[str]], tuple[list[str], dict[str, int]]]
"""The texts of one conversation, in the same order without personal data, and how often each kind was replaced."""

MAX_CONTEXT_CHARS = 8_000
"""Room for earlier turns in a pair's input. The oldest turns that don't fit are left out whole; how many stands in
`extra["context_turns_dropped"]`."""
MAX_EXCHANGES = 1_000
"""Exchanges taken out of one conversation; those beyond are one reject. Keeps a hostile record of a million one-letter
turns, each of which would carry its context, from filling the memory."""

_SURROGATES = re.compile("[\ud800-\udfff]")
_SPEAKERS = {Role.USER: "User", Role.ASSISTANT: "Assistant"}


@dataclass(frozen=True, slots=True)
class Extracted:
    """What a conversation came to: at least one item, numbered from 0 by `position.part`."""

    items: list[SourcedPair | Reject]
    redactions: dict[str, int]  # kind of personal data → how often it was replaced


@dataclass(frozen=True, slots=True)
class _Exchange:
    """What the user said and what the assistant then said; `before` counts the speakers' turns that came earlier."""

    instruction: str
    input: str
    response: str
    asked: list[Message]
    answered: list[Message]
    before: int

    @property
    def is_answered(self) -> bool:
        return bool(self.instruction and self.response) and flaw_of(self.asked, self.answered) is None

    @property
    def is_multi_modal(self) -> bool:
        return any(message.multi_modal for message in (*self.asked, *self.answered))


def conversation_pairs(
    conversation: Conversation, turns: Turns, redact: Redact, hash_id: Callable[[str], str]
) -> Extracted:
    """The pairs of a conversation, and a reject for every exchange that gives none.

    An exchange is what the user said (consecutive messages joined) and what the assistant then said; tool messages
    are no text. `each` takes every exchange, `first` the first, `last` the last that was answered (all, with their
    reasons, where none was). `each` and `last` put earlier turns in front of the pair's input, as `User: …` and
    `Assistant: …` one below the other. What `first` and `last` leave out is one NOT_CHOSEN reject. System prompts
    stand in the provenance alone. `redact` is called once, over all texts. Lone surrogates become U+FFFD and NULs are
    removed, so that every database can hold what comes out.
    """
    clean, redactions = _redacted(conversation, redact)
    return Extracted(list(_items(clean, turns, _provenance(clean, hash_id))), redactions)


def _items(conversation: Conversation, turns: Turns, provenance: Provenance) -> Iterator[SourcedPair | Reject]:
    def position(part: int) -> Position:
        return Position(conversation.position.source, conversation.position.record, part)

    def reject(part: int, reason: RejectReason, detail: str) -> Reject:
        return Reject(position(part), reason, detail, conversation.format)

    exchanges, history = _exchanges(conversation.messages)
    if not exchanges:
        yield reject(0, RejectReason.EMPTY, "no turn of a user")
    chosen = _chosen(exchanges, turns)
    for part, exchange in enumerate(chosen):
        if not exchange.is_answered:
            yield reject(part, *_why_no_pair(exchange))
        else:
            earlier = [] if turns == "first" else history[: exchange.before]
            yield _pair(exchange, earlier, provenance, position(part))
    left_out = len(exchanges) - len(chosen)
    if left_out and len(chosen) == MAX_EXCHANGES:
        detail = f"{left_out:,} exchanges after the first {MAX_EXCHANGES:,} were left out"
        yield reject(MAX_EXCHANGES, RejectReason.TOO_LONG, detail)
    elif left_out:
        yield reject(len(chosen), RejectReason.NOT_CHOSEN, f"{left_out:,} exchanges were left out by turns={turns}")


def _exchanges(messages: Iterable[Message]) -> tuple[list[_Exchange], list[str]]:
    """The exchanges, and every turn that has text as later ones quote it."""
    spoken = (message for message in messages if message.role in _SPEAKERS)
    runs = [(role, list(run)) for role, run in groupby(spoken, key=lambda message: message.role)]
    exchanges: list[_Exchange] = []
    history: list[str] = []
    for (role, run), following in zip_longest(runs, runs[1:]):
        text, material = _text_of(run), _joined(message.input for message in run)
        if role is Role.USER:
            answer = following[1] if following else []
            exchanges.append(_Exchange(text, material, _text_of(answer), run, answer, len(history)))
        if text or material:
            history.append(f"{_SPEAKERS[role]}: {_joined((text, material))}")
    return exchanges, history


def _chosen(exchanges: list[_Exchange], turns: Turns) -> list[_Exchange]:
    if turns == "first":
        return exchanges[:1]
    if turns == "last":
        last = next((exchange for exchange in reversed(exchanges) if exchange.is_answered), None)
        if last is not None:
            return [last]
    return exchanges[:MAX_EXCHANGES]


def _why_no_pair(exchange: _Exchange) -> tuple[RejectReason, str]:
    if flaw := flaw_of(exchange.asked, exchange.answered):
        return flaw
    if not exchange.instruction:
        only_media = any(message.multi_modal for message in exchange.asked)
        return RejectReason.EMPTY, f"the user's turn has no text{' beside an image, audio or file' * only_media}"
    if not exchange.answered:
        return RejectReason.NO_RESPONSE, "the user's turn has no answer"
    if any(message.calls_tools for message in exchange.answered):
        return RejectReason.TOOL_ONLY, "the answer is a tool call without text"
    return RejectReason.EMPTY, "the answer is blank"


def _pair(exchange: _Exchange, earlier: list[str], provenance: Provenance, position: Position) -> SourcedPair:
    context, dropped = _context(earlier)
    extra: dict[str, Any] = dict(provenance.extra)
    if dropped:
        extra["context_turns_dropped"] = dropped
    if exchange.is_multi_modal:
        extra["multi_modal"] = True
    extra |= remarks_of(exchange.answered)
    pair = InstructionPair(exchange.instruction, _joined((context, exchange.input)), exchange.response)
    return SourcedPair(pair, replace(provenance, position=position, extra=extra))


def _context(earlier: list[str]) -> tuple[str, int]:
    """The newest turns that fit, and how many did not."""
    room = MAX_CONTEXT_CHARS
    kept = 0
    for turn in reversed(earlier):
        room -= len(turn) + 1
        if room < 0:
            break
        kept += 1
    dropped = len(earlier) - kept
    return "\n".join(earlier[dropped:]), dropped


def _text_of(messages: Iterable[Message]) -> str:
    return _joined(message.text for message in messages)


def _joined(texts: Iterable[str]) -> str:
    """What is not blank, a blank line between."""
    return "\n\n".join([text for text in texts if not is_blank(text)])


def _provenance(conversation: Conversation, hash_id: Callable[[str], str]) -> Provenance:
    def hashed(identifier: str | None) -> str | None:
        return hash_id(_storable(identifier)) if identifier else None

    return Provenance(
        conversation.position,
        conversation.format,
        source_id=conversation.source_id,
        timestamp=conversation.timestamp,
        model=_storable(conversation.model) if conversation.model else None,
        system_prompt=_text_of(m for m in conversation.messages if m.role is Role.SYSTEM) or None,
        session_hash=hashed(conversation.session_id),
        user_hash=hashed(conversation.user_id),
        extra=conversation.extra,
    )


def _redacted(conversation: Conversation, redact: Redact) -> tuple[Conversation, dict[str, int]]:
    """The conversation without personal data in its texts and extra, and without tool messages; a source id that
    holds any is dropped."""
    messages = [message for message in conversation.messages if message.role is not Role.TOOL]
    remarks = {name: value for name, value in conversation.extra.items() if isinstance(value, str)}
    source_id = _storable(conversation.source_id or "")
    texts = [text for message in messages for text in texts_of(message)]
    redacted, counts = redact([*map(_storable, (*texts, *remarks.values())), source_id])
    *in_messages, kept_id = redacted
    parts = iter(in_messages)
    clean = tuple(with_texts(message, parts) for message in messages)
    extra = {**conversation.extra, **dict(zip(remarks, parts, strict=True))}
    kept = source_id if kept_id == source_id else None
    return replace(conversation, messages=clean, extra=extra, source_id=kept or None), counts


def _storable(text: str) -> str:
    """Text that encodes as UTF-8 and that PostgreSQL takes."""
    if "\0" in text:
        text = text.replace("\0", "")
    return text if text.isascii() else _SURROGATES.sub("\ufffd", text)
