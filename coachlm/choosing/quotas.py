"""How many may be chosen of a class, source, day or prompt template."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from coachlm.choosing.candidates import Candidate, Group
from coachlm.errors import InputError

EVERY = "*"


@dataclass(frozen=True, slots=True)
class Quota:
    """At most `limit` with this value of `by`; `*`: with each value."""

    by: Group
    value: str
    limit: int

    @classmethod
    def parse(cls, text: str) -> "Quota":
        """`class:qa=50`, `day:*=20`, `template:*=3`. Raises: InputError."""
        by, _, rest = text.partition(":")
        value, _, limit = rest.rpartition("=")
        if by not in set(Group) or not value or not limit.isdecimal():
            names = ", ".join(Group)
            raise InputError(f"quota {text!r} isn't GROUP:VALUE=COUNT with a group of {names}; write class:qa=50")
        return cls(Group(by), value, int(limit))


class QuotaBook:
    """Counts what was chosen against the quotas."""

    def __init__(self, quotas: Sequence[Quota]) -> None:
        self._quotas = quotas
        self._chosen: Counter[tuple[Group, str]] = Counter()

    def full(self, candidate: Candidate) -> Quota | None:
        """The first quota that has no room for the candidate."""
        for quota in self._quotas:
            value = candidate.group(quota.by)
            if quota.value in (EVERY, value) and self._chosen[quota.by, value] >= quota.limit:
                return quota
        return None

    def count(self, candidate: Candidate) -> None:
        self._chosen.update({(by, candidate.group(by)) for by in {quota.by for quota in self._quotas}})
