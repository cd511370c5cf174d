"""Pages of an origin into the store: one transaction a page, which says how far the pull has come.

A pull that stops goes on with the next page. One that was finished asks, the next time, for what has come since; as
services show records late, that overlaps, and nothing is stored twice.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta

import orjson

from coachlm.errors import InputError
from coachlm.pairs import Position, Reject
from coachlm.protocols.intake import IntakeCounts, Progress, Store
from coachlm.settings import Settings
from streams.pulling.origin import Found, Origin, Page, Window
from streams.pulling.web import PageTooLongError
from streams.reading.join import Joiner
from streams.reading.settlement import settle
from streams.reading.sources.flaws import Flaw
from streams.reading.sources.records import ParseOptions, RawRecord
from streams.reading.stages import IntakeStages
from streams.receiving.lines import as_line

OVERLAP = timedelta(hours=1)
_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)

OnCounts = Callable[[IntakeCounts, int], None]
"""Called after each commit with what the page added, and how many records it held."""


@dataclass(frozen=True, slots=True)
class Range:
    """Which records are wanted; None: no bound."""

    since: datetime | None = None
    until: datetime | None = None
    limit: int | None = None  # records of this run, at least; the page is ended


@dataclass(frozen=True, slots=True)
class _State:
    """How far a pull has come, as the store keeps it."""

    covered: float  # from when on all was pulled, once this window is done; seconds since 1970, as all times here
    since: float
    until: float
    cursor: str = ""
    done: bool = False
    records: int = 0

    def written(self) -> str:
        return orjson.dumps(asdict(self)).decode()

    def window(self) -> Window:
        return Window(_moment(self.since) if self.since else None, _moment(self.until))


@dataclass(frozen=True, slots=True)
class Pulled:
    """How a run ended."""

    records: int
    pages: int
    is_finished: bool
    went_on: bool  # with a pull that had stopped before its end


def run_pull(
    origin: Origin,
    store: Store,
    settings: Settings,
    salt: bytes,
    wanted: Range,
    on_counts: OnCounts,
    *,
    afresh: bool = False,
    now: datetime | None = None,
) -> Pulled:
    """Idempotent. Raises: InputError, SettingsError, StoreError; what was committed stays, and the next run goes on."""
    known = None if afresh else _known(store, origin)
    state = _begin(known, origin, wanted, now or datetime.now(UTC))
    went_on = known is not None and not known.done
    pulling = _Pulling(origin, store, settings, salt)
    records = pages = 0
    while not state.done and (wanted.limit is None or records < wanted.limit):
        added, found, state = pulling.take(state)
        records += found
        pages += 1
        on_counts(added, found)
    return Pulled(records, pages, state.done, went_on)


class _Pulling:
    """A run: pages through the stages into the store."""

    def __init__(self, origin: Origin, store: Store, settings: Settings, salt: bytes) -> None:
        self._origin = origin
        self._store = store
        self._stages = IntakeStages(settings, ParseOptions.from_settings(settings), salt)
        self._join_bytes = settings.intake.join_buffer_bytes
        self._count = origin.page_records

    def take(self, state: _State) -> tuple[IntakeCounts, int, _State]:
        """One page; gives what it added, how many records it held, and where the pull stands then."""
        page = self._page(state)
        if page.cursor and page.cursor == state.cursor:
            raise InputError(f"{self._origin.name} gives the same page again and again; run the command again later")
        records = [self._record(found) for found in page.records]
        extract = self._stages.process(records)
        matched = Joiner(self._join_bytes).match(extract.fragments, ended=self._origin.name, last=True)
        done = not page.cursor
        after = replace(state, cursor=page.cursor, done=done, records=state.records + len(records))
        progress = Progress(self._origin.name, after.records, done, digest=after.written())
        settlement = settle(extract, matched, self._stages.join)
        reread = tuple({Position(self._origin.name, found.number) for found in page.records})
        added = self._store.commit_intake(settlement.batch(progress=(progress,), reread=reread))
        return added, len(records), after

    def _page(self, state: _State) -> Page:
        """Fewer records at once where they are too long together; a page's length stays with its kind of cursor."""
        while True:
            try:
                return self._origin.page(state.window(), state.cursor, self._count)
            except PageTooLongError:
                if self._count == 1:
                    raise InputError(f"a record of {self._origin.name} is longer than a page may be") from None
                self._count = max(self._count // 4, 1)

    def _record(self, found: Found) -> RawRecord | Reject:
        position = Position(self._origin.name, found.number)
        if isinstance(found.data, Flaw):
            return Reject(position, found.data.reason, found.data.detail)
        return RawRecord(position, as_line(found.data))


def _known(store: Store, origin: Origin) -> _State | None:
    progress = store.progress(origin.name)
    return None if progress is None else _State(**orjson.loads(progress.digest))


def _begin(known: _State | None, origin: Origin, wanted: Range, now: datetime) -> _State:
    """Where to go on: within the window of a pull that stopped, behind one that is done, or at the beginning."""
    since = (wanted.since or _BEGINNING).timestamp()
    until = (wanted.until or now).timestamp()
    if known is None:
        return _State(since, since, until)
    if not known.done or not origin.grows:
        return known
    if since < known.covered:
        return _State(since, since, until, records=known.records)
    begin = max(since, known.until - OVERLAP.total_seconds())
    return _State(known.covered, begin, max(until, known.until), records=known.records)


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
