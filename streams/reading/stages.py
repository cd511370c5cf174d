"""Raw records become pairs ready for the store: parse, join, replace personal data, filter, classify, hash.

Runs in worker processes; knows nothing about files, databases or brokers. What spans records comes back as fragments
for whoever sees all records (the runner) to join.
"""

from collections.abc import Iterable, Sequence
from copy import copy
from dataclasses import dataclass, field, replace

from coachlm.pairs import ExcludeReason, Exclusion, Position, Provenance, Reject, RejectReason, SourcedPair
from coachlm.protocols.intake import IntakePair
from coachlm.settings import Settings
from coachlm.text.classes import TaskClassifier
from coachlm.text.duplicates import NearDuplicateHasher, pair_text
from coachlm.text.excerpts import excerpt_pair
from coachlm.text.filters import PreliminaryFilter
from coachlm.text.language import pair_language
from coachlm.text.personal_data import Redactor, hash_identifier
from streams.reading.formats import assemble, check_format, parse_record
from streams.reading.redacting import storable, texts_of_conversation
from streams.reading.sources.excerpts import beginning, shortened
from streams.reading.sources.part import Part
from streams.reading.sources.records import Conversation, Fragment, Parsed, ParseOptions, RawRecord
from streams.reading.turns import conversation_pairs


@dataclass(frozen=True, slots=True)
class Extract:
    """What a list of records came to: every record ended as a pair, a reject or a fragment."""

    pairs: list[IntakePair] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)
    fragments: list[Fragment] = field(default_factory=list)


class IntakeStages:
    """The pure stages, built once per process."""

    def __init__(self, settings: Settings, options: ParseOptions, salt: bytes) -> None:
        self._options = options
        self._salt = salt
        intake = settings.intake
        self._redactor = Redactor(intake.phone_regions, intake.personal_data, intake.names_model)
        self._filter = PreliminaryFilter.from_settings(settings)
        self._obeys_marks = ExcludeReason.MARKED_BAD in settings.filters.exclude_reasons
        self._classifier = TaskClassifier.load()
        self._hasher = NearDuplicateHasher()

    def in_format(self, format: str | None) -> "IntakeStages":
        """The same stages for records that are said to be in `format` (None: told by shape).

        Raises: InputError, for a format that does not exist.
        """
        check_format(format)
        stages = copy(self)
        stages._options = replace(self._options, format=format)
        return stages

    def process(self, records: Iterable[RawRecord | Reject]) -> Extract:
        """All records of a batch; what is a reject already passes through."""
        parsed: list[Parsed] = []
        for record in records:
            if isinstance(record, Reject):
                parsed.append(record)
            else:
                parsed.extend(parse_record(record, self._options))
        return self._finish(parsed)

    def fragments_only(self, records: Iterable[RawRecord | Reject]) -> Extract:
        """For records whose outcomes are committed already: only what may still join with others."""
        found = (p for r in records if isinstance(r, RawRecord) for p in parse_record(r, self._options))
        return Extract(fragments=[p for p in found if isinstance(p, Fragment)])

    def join(self, groups: Iterable[list[Fragment]]) -> Extract:
        """Groups of fragments that have become whole (or never will)."""
        return self._finish([outcome for group in groups for outcome in assemble(group)])

    def excerpt(self, fragment: Fragment) -> str:
        """How a part that was never joined begins, without personal data."""
        return self._shown(beginning(fragment.data), RejectReason.UNMATCHED)

    def _finish(self, parsed: Iterable[Parsed]) -> Extract:
        parsed = list(parsed)
        self._redactor.read_ahead(texts_of_conversation(item) for item in parsed if isinstance(item, Conversation))
        extract = Extract()
        sourced: list[SourcedPair] = []
        redactions: dict[int, dict[str, int]] = {}  # index of a conversation's first pair → what was replaced in it
        for outcome in parsed:
            match outcome:
                case Reject():
                    extract.rejects.append(self._presented(outcome))
                case Fragment():
                    extract.fragments.append(outcome)
                case Conversation():
                    first = len(sourced)
                    counts = self._extract(outcome, sourced, extract.rejects)
                    if counts and len(sourced) > first:
                        redactions[first] = counts
        extract.pairs.extend(self._prepare(sourced, redactions))
        return extract

    def _extract(self, conversation: Conversation, pairs: list[SourcedPair], rejects: list[Reject]) -> dict[str, int]:
        """Cut a conversation into pairs; returns what personal data was replaced in it."""
        extracted = conversation_pairs(conversation, self._options.turns, self._redact, self._hash_id)
        entry = Part.decode(conversation.position.part)
        for item in extracted.items:
            match item:
                case Reject(position=place):
                    rejects.append(self._presented(replace(item, position=_at_turn(place, entry))))
                case SourcedPair(provenance=origin):
                    place = _at_turn(origin.position, entry)
                    same = place is origin.position
                    pairs.append(item if same else replace(item, provenance=replace(origin, position=place)))
        return extracted.redactions

    def _presented(self, reject: Reject) -> Reject:
        excerpt = self._shown(reject.excerpt, reject.reason)
        return reject if excerpt == reject.excerpt else replace(reject, excerpt=excerpt)

    def _shown(self, excerpt: str, reason: RejectReason) -> str:
        """Personal data is replaced before the text is cut."""
        return shortened(self._redact([storable(excerpt)])[0][0], reason) if excerpt else ""

    def _redact(self, texts: Sequence[str]) -> tuple[list[str], dict[str, int]]:
        redacted = self._redactor.redact(texts)
        return list(redacted.texts), redacted.counts

    def _hash_id(self, identifier: str) -> str:
        return hash_identifier(identifier, self._salt)

    def _prepare(self, sourced: list[SourcedPair], redactions: dict[int, dict[str, int]]) -> list[IntakePair]:
        """Filter every pair; classify and hash, as one batch, those that stay."""
        judged: list[tuple[SourcedPair, Exclusion | None]] = []
        for item in sourced:
            pair, origin = item.pair, item.provenance
            language = pair_language(pair)
            media = bool(origin.extra.get("multi_modal"))
            exclusion = self._marked_bad(origin) or self._filter.check(pair, language=language, multi_modal=media)
            if exclusion is not None and exclusion.reason is ExcludeReason.TOO_LONG:
                pair = excerpt_pair(pair)
            judged.append((replace(item, pair=pair, provenance=replace(origin, language=language)), exclusion))
        kept = [item.pair for item, exclusion in judged if exclusion is None]
        classes = iter(self._classifier.classify(kept))
        bands = iter(self._hasher.band_keys([pair_text(pair) for pair in kept]))
        prepared = []
        for index, (item, exclusion) in enumerate(judged):
            counts = redactions.get(index, {})
            if exclusion is not None:
                prepared.append(IntakePair(item, exclusion, redactions=counts))
            else:
                task_class, confidence = next(classes)
                prepared.append(IntakePair(item, None, task_class, confidence, next(bands), counts))
        return prepared

    def _marked_bad(self, origin: Provenance) -> Exclusion | None:
        """What the log itself calls bad is excluded before anything of it is judged."""
        if not self._obeys_marks or origin.extra.get("mark") != "bad":
            return None
        return Exclusion(ExcludeReason.MARKED_BAD, f"the log says so: {origin.extra.get('mark_from', '')}"[:200])


def _at_turn(place: Position, entry: Part) -> Position:
    """The place of a turn (its number stands in `place.part`) within the record that holds the entry."""
    part = entry.at_turn(place.part).encode()
    return place if part == place.part else replace(place, part=part)
