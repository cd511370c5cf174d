"""Which part of a record an outcome is about, as one number that databases keep in `Position.part`."""

from dataclasses import dataclass, replace
from typing import ClassVar

_ENTRY_BITS = 18
_TURN_BITS = 20
_LINE_BITS = 63 - _ENTRY_BITS - _TURN_BITS


@dataclass(frozen=True, slots=True)
class Part:
    """A line of a record, an entry of that line, and a turn of that entry's conversation; each counts from 0.

    Without a turn it is the entry as a whole, as the formats read it. Numbers are unique among wholes and among turns.
    A whole and a turn may share one (databases keep both since their first version); `settlement` tells those apart.
    """

    line: int = 0
    entry: int = 0
    turn: int | None = None

    LINES: ClassVar[int] = 1 << _LINE_BITS
    ENTRIES: ClassVar[int] = 1 << _ENTRY_BITS
    TURNS: ClassVar[int] = 1 << _TURN_BITS

    def __post_init__(self) -> None:
        for name, value, limit in (
            ("line", self.line, self.LINES),
            ("entry", self.entry, self.ENTRIES),
            ("turn", self.turn or 0, self.TURNS),
        ):
            if not 0 <= value < limit:
                raise ValueError(f"{name} {value:,} of a record is out of bounds (0 to {limit - 1:,})")

    def encode(self) -> int:
        """The number that is stored: 63 bits at most."""
        whole = self.line << _ENTRY_BITS | self.entry
        return whole if self.turn is None else whole << _TURN_BITS | self.turn

    @classmethod
    def decode(cls, number: int, *, has_turn: bool = False) -> "Part":
        """What `encode` made a number of. The number doesn't say whether there was a turn: pairs and rejects of single
        turns have one, all other rejects and fragments don't."""
        whole, turn = divmod(number, 1 << _TURN_BITS) if has_turn else (number, None)
        line, entry = divmod(whole, 1 << _ENTRY_BITS)
        return cls(line, entry, turn)

    def at_entry(self, further: int) -> "Part | None":
        """The entry so many places after this one; None where the line has no room for it."""
        entry = self.entry + further
        return replace(self, entry=entry) if entry < self.ENTRIES else None

    def at_turn(self, turn: int) -> "Part":
        return replace(self, turn=turn)
