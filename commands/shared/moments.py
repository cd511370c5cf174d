"""Moments on the command line: ISO 8601, or how long ago."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, ParamSpec, TypeVar

import click

P = ParamSpec("P")
R = TypeVar("R")

_AGO = re.compile(r"([0-9]{1,6})([smhd])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


class Moment(click.ParamType):
    """`2026-03-01`, `2026-03-01T12:30` (UTC, unless it names a zone), or `90m`, `24h`, `7d` ago."""

    name = "moment"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        if isinstance(value, datetime):
            return value
        try:
            ago = _AGO.fullmatch(value)
            if ago:
                return datetime.now(UTC) - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
            moment = datetime.fromisoformat(value)
            return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
        except (ValueError, OverflowError):
            self.fail(f"{value!r} is not a time; write 2026-03-01, 2026-03-01T12:30 (UTC) or 24h (ago)", param, ctx)


def time_range_options(function: Callable[P, R]) -> Callable[P, R]:
    until = click.option("--until", type=Moment(), help="Only before this time.")
    since = click.option("--since", type=Moment(), help="Only from this time on: 2026-03-01T12:30 (UTC), or 24h (ago).")
    return since(until(function))
