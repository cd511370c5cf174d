"""What is pulled from: a place that gives its records page by page."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

import xxhash

from coachlm.errors import InputError
from streams.reading.sources.flaws import Flaw


@dataclass(frozen=True, slots=True)
class Window:
    """Records that began at `since` or after (None: all), and before `until`."""

    since: datetime | None
    until: datetime


@dataclass(frozen=True, slots=True)
class Found:
    """A record, or what is wrong with it; its number is the same whenever it is pulled."""

    number: int
    data: Any | Flaw


@dataclass(frozen=True, slots=True)
class Page:
    """Some records, and where the next ones begin; an empty cursor: there are none."""

    records: Sequence[Found]
    cursor: str = ""


class Origin(Protocol):
    """A service, or a part of one, that keeps records."""

    name: str  # of the source in the store
    page_records: int  # the most that are asked for at once
    grows: bool  # new records come with time

    def page(self, window: Window, cursor: str, count: int) -> Page:
        """Raises: InputError, SettingsError, PageTooLongError."""
        ...


def number_of(identity: object) -> int:
    """A number for a record that has a name: 63 bits, which databases keep."""
    return xxhash.xxh3_64_intdigest(str(identity).encode("utf-8", "surrogatepass")) >> 1


def objects(value: Any, host: str) -> list[Any]:
    """The records of an answer. Raises: InputError."""
    if not isinstance(value, list):
        raise InputError(f"{host} answered in another form than its documentation says; is it another version?")
    return value


def told(moment: datetime) -> str:
    """As APIs take it: ISO 8601 in UTC."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
