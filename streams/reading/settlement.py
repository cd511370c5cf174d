"""What a batch comes to once its fragments have been joined: one transaction for the store."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

from coachlm.pairs import Position, Reject
from coachlm.protocols.intake import IntakeBatch, IntakePair, Progress
from streams.reading.join import Matched
from streams.reading.sources.records import Fragment
from streams.reading.stages import Extract

_APART = 1 << 20


@dataclass(frozen=True, slots=True)
class Settlement:
    """The outcomes of a batch's own records and of the groups that became whole with it."""

    own: Extract
    joined: Extract
    matched: Matched
    rejects: list[Reject] = field(default_factory=list)  # of all three, each at a place of its own

    @property
    def pairs(self) -> list[IntakePair]:
        return [*self.own.pairs, *self.joined.pairs]

    def batch(
        self,
        pairs: Sequence[IntakePair] | None = None,
        progress: Sequence[Progress] = (),
        reread: Sequence[Position] = (),
    ) -> IntakeBatch:
        """What to commit; `pairs` stand in for the settlement's own where they have been given more provenance."""
        joined = [fragment.position for group in self.matched.groups for fragment in group]
        return IntakeBatch(self.pairs if pairs is None else pairs, self.rejects, progress, joined, reread)


def settle(own: Extract, matched: Matched, join: Callable[[list[list[Fragment]]], Extract]) -> Settlement:
    """`join` (see `IntakeStages.join`) is asked only where a group became whole."""
    joined = join(matched.groups) if matched.groups else Extract()
    rejects = _told_apart([*own.rejects, *joined.rejects, *matched.rejects])
    return Settlement(own, joined, matched, rejects)


def _told_apart(rejects: Iterable[Reject]) -> list[Reject]:
    """No two of one reason under one position: the store would keep only the first. The numbers of entries and of turns
    can meet (see `Part`); the later reject then gets a negative one."""
    found: list[Reject] = []
    taken: set[tuple[Position, str]] = set()
    for reject in rejects:
        place = reject.position
        if (place, reject.reason) in taken:
            place = replace(place, part=~place.part)
        while (place, reject.reason) in taken:
            place = replace(place, part=place.part - _APART)
        taken.add((place, reject.reason))
        found.append(reject if place == reject.position else replace(reject, position=place))
    return found
