"""What `evaluate ratings make` is given: versions of the same pairs, from files and databases, each read once."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from assembly.data_sets import pairs_only, stored_rows
from coachlm.desk.dataset import DatasetRow, TextChoice
from coachlm.errors import InputError, SettingsError
from coachlm.pairs import InstructionPair


@dataclass(frozen=True, slots=True)
class GivenVersions:
    """Name → pairs, row by row. `pair_ids`: of the stored pairs behind the rows; empty where all came from files."""

    sources: dict[str, list[InstructionPair]]
    pair_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Source:
    """`NAME=FILE`, or `NAME=URL#text`."""

    name: str
    place: str
    text: TextChoice = TextChoice.FINAL

    @property
    def is_stored(self) -> bool:
        return "://" in self.place


@dataclass(frozen=True, slots=True)
class _Shelf:
    """Databases that were read."""

    rows: dict[str, list[DatasetRow]] = field(default_factory=dict)

    def pairs(self, source: _Source) -> list[InstructionPair]:
        if not source.is_stored:
            return pairs_only(source.place)
        if source.place not in self.rows:
            self.rows[source.place] = list(stored_rows(source.place))
        if not self.rows[source.place]:
            raise InputError(f"{source.name}: the database holds no pairs")
        return [row.text(source.text) for row in self.rows[source.place]]


def given_versions(given: Iterable[str], database_url: str | None = None) -> GivenVersions:
    """`database_url`: of the database whose pairs are to be kept from raters, where several are read.

    Raises: SettingsError, InputError, StoreError.
    """
    shelf, found = _Shelf(), dict[str, list[InstructionPair]]()
    for source in map(_parse, given):
        if source.name in found:
            raise SettingsError(f"two sources are named {source.name}")
        found[source.name] = shelf.pairs(source)
    if len(found) < 2:
        raise SettingsError("give at least two sources, e.g. --source original=a.jsonl --source revised=b.jsonl")
    rows = shelf.rows.get(database_url or "") or next(iter(shelf.rows.values()), [])
    return GivenVersions(found, tuple(row.pair_id for row in rows))


def _parse(given: str) -> _Source:
    name, equals, place = given.partition("=")
    if not (name and equals and place):
        raise SettingsError(f"--source {given!r}: write NAME=DATA")
    if "://" not in place or "#" not in place:
        return _Source(name, place)
    place, _, choice = place.rpartition("#")
    if choice not in [each.value for each in TextChoice]:
        raise SettingsError(f"--source {name}: #{choice} is not raw, revised or final")
    return _Source(name, place, TextChoice(choice))
