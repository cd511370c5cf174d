"""Conversations become instruction pairs: which turns, each in the context of what was said before.

Here texts are cleaned and personal data is replaced, once a conversation; user and session ids are hashed.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from coachlm.context import Context
from coachlm.digests import content_hash
from coachlm.pairs import InstructionPair, Position, Provenance, Reject, RejectReason, SourcedPair
from coachlm.settings import Turns
from streams.reading.exchanges import Exchange, Telling, joined_text
from streams.reading.redacting import Redact, redacted, storable
from streams.reading.remarks import flaw_of, remarks_of
from streams.reading.sources.records import Conversation, Role

MAX_EXCHANGES = 1_000
"""Exchanges taken out of one conversation; those beyond are one reject. Keeps a hostile record of a million one-letter
turns, each of which has its context, from filling the memory."""

_SPOKEN_CHARS = 240  # of each speaker's text in an excerpt


@dataclass(frozen=True, slots=True)
class Extracted:
    """What a conversation came to: at least one item, numbered from 0 by `position.part`."""

    items: list[SourcedPair | Reject]
    redactions: dict[str, int]  # kind of personal data → how often it was replaced


def conversation_pairs(
    conversation: Conversation, turns: Turns, redact: Redact, hash_id: Callable[[str], str]
) -> Extracted:
    """The pairs of a conversation, and a reject for every exchange that gives none.

    An exchange is what the user said (consecutive messages joined) and what the assistant then said. `each` takes
    every exchange, `first` the first, `last` the last that was answered (all, with their reasons, where none was).
    What `first` and `last` leave out is one NOT_CHOSEN reject. What was said before stands in the pairs' contexts.
    `redact` is called once, over all texts. Lone surrogates become U+FFFD and NULs are removed, so that every database
    can hold what comes out.
    """
    clean, redactions = redacted(conversation, redact)
    return Extracted(list(_items(clean, turns, _provenance(clean, hash_id))), redactions)


def _items(conversation: Conversation, turns: Turns, provenance: Provenance) -> Iterator[SourcedPair | Reject]:
    def position(part: int) -> Position:
        return Position(conversation.position.source, conversation.position.record, part)

    def reject(part: int, reason: RejectReason, detail: str, exchange: Exchange | None = None) -> Reject:
        excerpt = _excerpt(exchange) if exchange else ""
        return Reject(position(part), reason, detail, conversation.format, excerpt)

    telling = Telling.of(conversation)
    exchanges = telling.exchanges
    if not exchanges:
        yield reject(0, RejectReason.EMPTY, "no turn of a user")
    chosen = _chosen(exchanges, "last" if conversation.only_last else turns)
    name = _conversation_name(exchanges, provenance)
    contexts = telling.contexts(max(chosen, default=-1) + 1)
    for part, number in enumerate(chosen):
        exchange = exchanges[number]
        if not exchange.is_answered:
            yield reject(part, *_why_no_pair(exchange), exchange)
        else:
            origin = replace(provenance, conversation=name, turn=None if name is None else number + 1)
            yield _pair(exchange, contexts[number], origin, position(part))
    left_out = 0 if conversation.only_last else len(exchanges) - len(chosen)
    if left_out and len(chosen) == MAX_EXCHANGES:
        detail = f"{left_out:,} exchanges after the first {MAX_EXCHANGES:,} were left out"
        yield reject(MAX_EXCHANGES, RejectReason.TOO_LONG, detail, exchanges[MAX_EXCHANGES])
    elif left_out:
        detail = f"{left_out:,} exchanges were left out by turns={turns}"
        first = next(number for number in range(len(exchanges)) if number not in chosen)
        yield reject(len(chosen), RejectReason.NOT_CHOSEN, detail, exchanges[first])


def _chosen(exchanges: list[Exchange], turns: Turns) -> Sequence[int]:
    if turns == "first":
        return range(min(1, len(exchanges)))
    if turns == "last":
        last = next((n for n in reversed(range(len(exchanges))) if exchanges[n].is_answered), None)
        if last is not None:
            return [last]
    return range(min(MAX_EXCHANGES, len(exchanges)))


def _conversation_name(exchanges: list[Exchange], provenance: Provenance) -> str | None:
    """The same wherever the conversation is met again, longer or shorter: calls of an API repeat all that was said
    before. A single exchange is no conversation."""
    if len(exchanges) < 2:
        return None
    first = exchanges[0]
    return content_hash(provenance.session_hash or "", first.user_text, first.response)


def _excerpt(exchange: Exchange) -> str:
    """Enough of both speakers to find the place."""
    asked, answered = exchange.user_text[:_SPOKEN_CHARS], exchange.response[:_SPOKEN_CHARS]
    return f"user: {asked}\nassistant: {answered}" if answered else f"user: {asked}"


def _why_no_pair(exchange: Exchange) -> tuple[RejectReason, str]:
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


def _pair(exchange: Exchange, context: Context, provenance: Provenance, position: Position) -> SourcedPair:
    extra: dict[str, Any] = dict(provenance.extra)
    if exchange.is_multi_modal:
        extra["multi_modal"] = True
    extra |= remarks_of(exchange.answered)
    pair = InstructionPair(exchange.instruction, exchange.input, exchange.response, context or None)
    return SourcedPair(pair, replace(provenance, position=position, extra=extra))


def _provenance(conversation: Conversation, hash_id: Callable[[str], str]) -> Provenance:
    def hashed(identifier: str | None) -> str | None:
        return hash_id(storable(identifier)) if identifier else None

    return Provenance(
        conversation.position,
        conversation.format,
        source_id=conversation.source_id,
        timestamp=conversation.timestamp,
        model=storable(conversation.model) if conversation.model else None,
        system_prompt=joined_text(m.text for m in conversation.messages if m.role is Role.SYSTEM) or None,
        session_hash=hashed(conversation.session_id),
        user_hash=hashed(conversation.user_id),
        extra=conversation.extra,
    )
