"""Records to conversations, fragments and rejects: decodes, detects, reads, checks, and knows every position."""

from dataclasses import replace
from typing import Any

from coachlm.pairs import Position, Reject, RejectReason
from streams.reading.formats.containers import read_list
from streams.reading.formats.parts.chat_flaws import TOLD, flaw_of, with_unread
from streams.reading.formats.parts.decoding import check_nesting, decode, decode_text
from streams.reading.formats.parts.fields import names_of
from streams.reading.formats.parts.outcomes import Chat, EntryError, Inner, LogFormat, Outcome, Piece, json_type
from streams.reading.formats.registry import FORMATS, LISTS_OF_MESSAGES, detect
from streams.reading.formats.texts.plain import plain_messages
from streams.reading.sources.excerpts import beginning
from streams.reading.sources.flaws import Unreadable
from streams.reading.sources.otlp_messages import begins_message, decode_message
from streams.reading.sources.part import Part
from streams.reading.sources.records import Conversation, Fragment, Parsed, ParseOptions, RawRecord

_LEVELS = 6
"""How deep entries may lie within entries."""
_ENTRIES_APART = 1 << 12
_MOST_NOTES = 20
_UNEXPECTED = (TypeError, ValueError, LookupError, AttributeError, ArithmeticError, RecursionError)


def parse_record(record: RawRecord, options: ParseOptions) -> list[Parsed]:
    """What a record comes to: conversations, fragments and rejects, at least one; never raises.

    Entries within the record are told apart by `position.part`, from 0.
    """
    reading = _Reading(record, options)
    try:
        reading.read(_decoded(record, options), options.format, 0)
    except EntryError as error:
        reading.add(error, None, record.data)
    if not reading.parsed:
        reading.add(EntryError(RejectReason.EMPTY, "the record holds no entry"), None, record.data)
    return reading.all()


def assemble(group: list[Fragment]) -> list[Conversation | Reject]:
    """What fragments of one (format, key) come to together; never raises.

    A group that can't be matched is one reject for each of its fragments.
    """
    if not group:
        return []
    format = FORMATS.get(group[0].format)
    outcomes: list[Outcome] = []
    try:
        if format is None or format.assemble is None:
            raise EntryError(RejectReason.UNMATCHED, "the format has nothing to join")
        outcomes.extend(format.assemble(group))
    except EntryError as error:
        outcomes += [error] * (len(group) if error.reason is RejectReason.UNMATCHED else 1)
    except _UNEXPECTED as error:
        outcomes.append(_unexpected(error))
    # The answer's record stands for the whole.
    anchors = [f.position for f in sorted(group, key=lambda f: f.part != "response")]
    places = _spread(anchors, len(outcomes))
    told = {fragment.position: fragment.data for fragment in group}
    finished = [
        _finished(outcome, place, group[0].format, told.get(place, group[0].data))
        for outcome, place in zip(outcomes, places, strict=False)
    ]
    if left_out := len(outcomes) - len(places):
        detail = f"{left_out + 1:,} answers of one call after the first {len(places) - 1:,} were left out"
        finished[-1] = Reject(places[-1], RejectReason.TOO_LONG, detail, group[0].format)
    return finished


def _decoded(record: RawRecord, options: ParseOptions) -> Any:
    """Raises: EntryError."""
    data = record.data
    if not isinstance(data, bytes):
        check_nesting(data, options.max_nesting)
        return data
    if len(data) > options.max_record_bytes:
        raise EntryError(RejectReason.TOO_LONG, f"{len(data):,} bytes; the limit is {options.max_record_bytes:,}")
    if not data.strip():
        raise EntryError(RejectReason.EMPTY, "a blank record")
    if begins_message(data) and (envelope := _envelope(data)) is not None:
        return envelope
    value = decode(data, options.max_nesting)
    return decode_text(value) if isinstance(value, str) else value


def _envelope(data: bytes) -> Any:
    """OTLP in protobuf, as brokers carry it.

    Raises: EntryError, `unreadable`, where the package that decodes is missing.
    """
    try:
        return decode_message(data)
    except Unreadable as error:
        raise EntryError(RejectReason.UNREADABLE, str(error)) from error


class _Reading:
    """A record on its way: what it has come to so far."""

    def __init__(self, record: RawRecord, options: ParseOptions) -> None:
        self.parsed: list[Parsed] = []
        self._record = record
        self._part = Part.decode(record.position.part)
        self._options = options
        self._left_out = 0

    def read(self, value: Any, wanted: str | None, level: int) -> None:
        """An entry, in the wanted format or in the one that its keys tell; entries within it likewise."""
        name = None
        try:
            format = _choose(value, wanted, level)
            name = format.name if format else None
            # A wanted format is meant for what arrays and pages hold; what another format holds tells its own.
            inner_wanted = wanted if name in (None, "container") and wanted != name else None
            for outcome in format.read(value) if format else read_list(value):
                if isinstance(outcome, Inner):
                    self.read(outcome.record, inner_wanted, level + 1)
                else:
                    self.add(outcome, name, value)
        except EntryError as error:
            self.add(error, name, value)
        except _UNEXPECTED as error:
            self.add(_unexpected(error), name, value)

    def add(self, outcome: Chat | Piece | EntryError, name: str | None, entry: object) -> None:
        """`entry`: what it was read from."""
        part = self._part.at_entry(len(self.parsed))
        if part is None:
            self._left_out += 1
            return
        position = self._record.position
        if self.parsed:
            position = replace(position, part=part.encode())
        if isinstance(outcome, Piece):
            self.parsed.append(self._fragment(outcome, position, name))
        else:
            self.parsed.append(_finished(outcome, position, name, entry))

    def all(self) -> list[Parsed]:
        """Where there was no room for all entries, the last place is that of a reject that counts the rest."""
        if self._left_out:
            last = self.parsed[-1]
            detail = f"{self._left_out + 1:,} entries after the record's first {len(self.parsed) - 1:,} were left out"
            self.parsed[-1] = Reject(last.position, RejectReason.TOO_LONG, detail, last.format)
        return self.parsed

    def _fragment(self, piece: Piece, position: Position, name: str | None) -> Fragment:
        data = self._record.data
        size = len(data) if isinstance(data, bytes) else len(repr(piece.data))
        return Fragment(position, name or "", piece.key, piece.part, piece.data, size, piece.complete)


def _choose(value: Any, wanted: str | None, level: int) -> LogFormat | None:
    """The format to read a value in; None for an array.

    Raises: EntryError, `unknown_shape`.
    """
    if level > _LEVELS:
        raise EntryError(RejectReason.UNKNOWN_SHAPE, f"entries within entries, more than {_LEVELS} levels")
    if isinstance(value, list):
        return None
    if not isinstance(value, dict):
        raise EntryError(RejectReason.UNKNOWN_SHAPE, f"{json_type(value)}, not an object")
    name = wanted or detect(value)
    format, container = FORMATS.get(name or ""), FORMATS["container"]
    if format is None:
        raise EntryError(RejectReason.UNKNOWN_SHAPE, "no such format" if wanted else _why_unknown(value))
    if wanted and not format.matches(value) and container.matches(value):
        return container
    if wanted and format.strict and not format.matches(value):
        raise EntryError(RejectReason.MALFORMED_RECORD, f"the record is not in the format `{format.name}`")
    return format


def _why_unknown(record: dict[str, Any]) -> str:
    """Keys that formats know are said to hold something else, where that is so."""
    if not record:
        return "an object without keys"
    for key in LISTS_OF_MESSAGES:
        if key in record and not isinstance(record[key], list):
            return f"`{key}` is {json_type(record[key])}, not an array of messages"
    names = names_of(record)
    return f"no format has such keys: {names}" if names else "no format has such keys; they don't read like names"


def _finished(outcome: Outcome, position: Position, name: str | None, entry: object) -> Conversation | Reject:
    if isinstance(outcome, Chat):
        messages = plain_messages(outcome.messages)
        error = flaw_of(messages, outcome)
        if error is None:
            return Conversation(
                position,
                name or "",
                tuple(messages),
                outcome.source_id,
                outcome.timestamp,
                outcome.model,
                outcome.session_id,
                outcome.user_id,
                {"left_out": sorted(set(outcome.notes))[:_MOST_NOTES]} if outcome.notes else {},
                only_last=outcome.only_last,
                tools=outcome.tools,
                documents=outcome.documents,
            )
        outcome = with_unread(error, messages, entry)
    if not isinstance(outcome, EntryError):
        outcome = EntryError(RejectReason.UNKNOWN_SHAPE, "a part of something that can't be joined")
    detail = outcome.detail or TOLD.get(outcome.reason, "")
    return Reject(position, outcome.reason, detail[:200], name, beginning(entry))


def _spread(anchors: list[Position], count: int) -> list[Position]:
    """A position of its own for each outcome of a group, as far as there is room."""
    first, places = Part.decode(anchors[0].part), anchors[:count]
    for index in range(len(anchors), count):
        part = first.at_entry(_ENTRIES_APART * index)
        if part is None:
            break
        places.append(replace(anchors[0], part=part.encode()))
    return places


def _unexpected(error: Exception) -> EntryError:
    """The last resort of a promise never to raise; the tests hold that nothing comes here."""
    return EntryError(RejectReason.MALFORMED_RECORD, f"unexpected {type(error).__name__} while reading")
