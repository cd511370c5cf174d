"""Which pairs go into a data set, beyond their status: by where they come from and what was made of them."""

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatchcase
from pathlib import PurePath
from typing import Any

from coachlm.desk.dataset import DatasetRow, TextChoice
from coachlm.desk.where import Where
from coachlm.errors import ExportError
from coachlm.pairs import TaskClass
from coachlm.text.distance import pair_distance

_SIGNAL = re.compile(r"(?P<name>[^=<>!]+)(?:(?P<compared>>=|<=|!=|=|>|<)\s*+(?P<value>.*))?")
_COMPARED: dict[str, Callable[[float, float], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
}


@dataclass(frozen=True, slots=True)
class SignalTest:
    """What a signal of the log has to be: `NAME` is there, or `NAME=VALUE`, `!=`, `>=`, `<=`, `>`, `<`. `mark` is what
    all signals come to: `good` or `bad`."""

    name: str
    compared: str = ""
    value: str = ""

    @classmethod
    def parse(cls, text: str) -> "SignalTest":
        """Raises: ExportError."""
        found = _SIGNAL.fullmatch(text.strip())
        if found is None:
            raise ExportError(f"{text!r} is no test of a signal; write NAME, NAME=VALUE or NAME>=NUMBER")
        compared, value = found["compared"] or "", found["value"] or ""
        if compared in _COMPARED and _number(value) is None:
            raise ExportError(f"the signal test {text!r} compares with {value!r}, which is no number")
        return cls(found["name"].strip(), compared, value)

    def holds(self, extra: Mapping[str, Any]) -> bool:
        signals = extra.get("signals")
        told = {**(signals if isinstance(signals, dict) else {}), "mark": extra.get("mark")}
        given = told.get(self.name)
        if self.name not in told or (self.name == "mark" and given is None):
            return False
        if not self.compared:
            return True
        if self.compared in ("=", "!="):
            return _same(given, self.value) is (self.compared == "=")
        number = _number(given)
        wanted = _number(self.value)
        return number is not None and wanted is not None and _COMPARED[self.compared](number, wanted)


@dataclass(frozen=True, slots=True)
class Selection:
    """Pairs for which all of these hold; within one of them, one of its values is enough."""

    sources: tuple[str, ...] = ()  # patterns of a log's path or file name
    formats: tuple[str, ...] = ()  # log formats
    languages: tuple[str, ...] = ()
    since: datetime | None = None  # when the model answered
    until: datetime | None = None
    classes: frozenset[TaskClass] = frozenset()
    units: tuple[str, ...] = ()  # of the person who edited
    min_distance: int | None = None  # characters from the logged pair to the chosen text
    max_distance: int | None = None
    min_score: int | None = None  # of the response, by the person who edited
    adapters: tuple[str, ...] = ()  # content digests, or their beginnings
    engines: tuple[str, ...] = ()
    signals: tuple[SignalTest, ...] = ()
    where: Where | None = None  # an expression over all of these

    def why_not(self, row: DatasetRow, choice: TextChoice) -> str | None:
        """The name of the first condition that a pair fails; None: it is chosen."""
        return next((name for name, holds in _CONDITIONS if not holds(self, row, choice)), None)

    def as_dict(self) -> dict[str, Any]:
        """Of the conditions that were set, as JSON holds them."""
        found = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return {name: _plain(value) for name, value in found.items() if value not in (None, (), frozenset())}


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, SignalTest):
        return f"{value.name}{value.compared}{value.value}"
    if isinstance(value, Where):
        return value.text
    return (
        [_plain(each) for each in (value if isinstance(value, tuple) else sorted(value))]
        if isinstance(value, tuple | frozenset)
        else value
    )


def _from_source(chosen: Selection, row: DatasetRow, _: TextChoice) -> bool:
    source = row.provenance.position.source
    names = (source, PurePath(source).name)
    return not chosen.sources or any(fnmatchcase(name, each) for each in chosen.sources for name in names)


def _of_format(chosen: Selection, row: DatasetRow, _: TextChoice) -> bool:
    return not chosen.formats or row.provenance.format in chosen.formats


def _in_language(chosen: Selection, row: DatasetRow, _: TextChoice) -> bool:
    return not chosen.languages or row.provenance.language in chosen.languages


def _in_time(chosen: Selection, row: DatasetRow, _: TextChoice) -> bool:
    if chosen.since is None and chosen.until is None:
        return True
    at = row.provenance.timestamp
    if at is None:
        return False
    return (chosen.since is None or at >= chosen.since) and (chosen.until is None or at < chosen.until)


def _of_class(chosen: Selection, row: DatasetRow, _: TextChoice) -> bool:
    return not chosen.classes or row.task_class in chosen.classes


def _of_unit(chosen: Selection, row: DatasetRow, _: TextChoice) -> bool:
    return not chosen.units or (row.annotator is not None and (row.unit or "all") in chosen.units)


def _far_enough(chosen: Selection, row: DatasetRow, choice: TextChoice) -> bool:
    if chosen.min_distance is None and chosen.max_distance is None:
        return True
    distance = pair_distance(row.raw, row.own_text(choice))
    return (chosen.min_distance or 0) <= distance and (chosen.max_distance is None or distance <= chosen.max_distance)


def _well_scored(chosen: Selection, row: DatasetRow, _: TextChoice) -> bool:
    return chosen.min_score is None or (row.scores is not None and row.scores.response >= chosen.min_score)


def _by_adapter(chosen: Selection, row: DatasetRow, _: TextChoice) -> bool:
    adapter = None if row.revision is None else row.revision.adapter
    return not chosen.adapters or (adapter is not None and adapter.startswith(chosen.adapters))


def _by_engine(chosen: Selection, row: DatasetRow, _: TextChoice) -> bool:
    return not chosen.engines or (row.revision is not None and row.revision.engine in chosen.engines)


def _by_signal(chosen: Selection, row: DatasetRow, _: TextChoice) -> bool:
    return all(test.holds(row.provenance.extra) for test in chosen.signals)


def _by_expression(chosen: Selection, row: DatasetRow, _: TextChoice) -> bool:
    return chosen.where is None or chosen.where.holds(row)


_CONDITIONS: tuple[tuple[str, Callable[[Selection, DatasetRow, TextChoice], bool]], ...] = (
    ("source", _from_source),
    ("log format", _of_format),
    ("language", _in_language),
    ("time", _in_time),
    ("class", _of_class),
    ("unit", _of_unit),
    ("adapter", _by_adapter),
    ("engine", _by_engine),
    ("signal", _by_signal),
    ("where", _by_expression),
    ("score", _well_scored),
    ("distance", _far_enough),
)


def _number(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def _same(given: Any, wanted: str) -> bool:
    if isinstance(given, bool):
        return str(given).lower() == wanted.lower()
    number = _number(given)
    return str(given) == wanted or (number is not None and number == _number(wanted))
