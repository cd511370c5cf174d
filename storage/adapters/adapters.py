"""The adapter registry on a database: one current adapter at most, whoever promotes at the same time."""

from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, func, insert, select, update

from coachlm.coaching.adapters import AdapterEvent, AdapterRecord, AdapterState, InForce, check_adapter_transition
from coachlm.errors import NotFoundError, StoreError, TransitionError
from storage.engine.database import Database, utc_now
from storage.engine.results import all_rows, one_row
from storage.tables.adapters import AdapterEventRow, AdapterRow

GATE = "gate"  # who rejects in the gate's name
_SHORTEST = 6  # digits of a digest that still name an adapter
_POSTGRES_LOCK = 0x0C0ADA97  # any number that other programs are unlikely to take


class StoredAdapter(NamedTuple):
    """A row of `AdapterRow`."""

    id: int
    digest: str
    base: str
    base_digest: str
    artifact: str
    state: str
    training: dict[str, object] | None
    gate: dict[str, object] | None
    canary_share: float
    previous: str | None
    created_at: datetime
    changed_at: datetime


class DatabaseAdapterRegistry:
    """Implements `coachlm.coaching.adapters.AdapterRegistry`; safe to share between threads and processes."""

    def __init__(self, database: Database, now: Callable[[], datetime] = utc_now) -> None:
        self._database = database
        self._now = now

    def register(self, record: AdapterRecord, by: str) -> AdapterRecord:
        with self._database.writing(durable=True) as connection:
            _lock(connection)
            if (known := _find(connection, AdapterRow.digest == record.digest)) is not None:
                return _record(known)
            now = self._now()
            number = connection.execute(
                insert(AdapterRow)
                .values(
                    digest=record.digest,
                    base=record.base,
                    base_digest=record.base_digest,
                    artifact=record.artifact,
                    state=AdapterState.CANDIDATE.value,
                    training=record.training,
                    gate=None,
                    canary_share=0.0,
                    created_at=now,
                    changed_at=now,
                )
                .returning(AdapterRow.id)
            ).scalar_one()
            _note(connection, number, None, AdapterState.CANDIDATE, by, "registered", now)
            return _record(_row(connection, record.digest))

    def record_gate(self, digest: str, report: dict[str, object], *, passed: bool, by: str = GATE) -> AdapterRecord:
        """The decision with its figures. Repeating it with the same outcome changes nothing, but for new figures."""
        wanted = AdapterState.GATED if passed else AdapterState.REJECTED
        with self._database.writing(durable=True) as connection:
            _lock(connection)
            row = _row(connection, digest)
            _check_not_taken_out(connection, row)
            detail = str(report.get("reason", "")) or ("passed" if passed else "refused")
            if row.gate is None or row.state != wanted:
                return self._move(connection, row, wanted, by, detail, gate=report)
            if row.gate != report:
                now = self._now()
                connection.execute(update(AdapterRow).where(AdapterRow.id == row.id).values(gate=report))
                _note(connection, row.id, wanted, wanted, by, f"judged again: {detail}", now)
            return _record(_row(connection, row.digest))

    def override_gate(self, digest: str, by: str, reason: str) -> AdapterRecord:
        """Raises: StoreError, without a reason; TransitionError, for what a person took out of use."""
        if not reason.strip():
            raise StoreError("an override of the gate needs a reason: whoever asks later finds it in the history")
        with self._database.writing(durable=True) as connection:
            _lock(connection)
            row = _row(connection, digest)
            _check_not_taken_out(connection, row)
            if row.state == AdapterState.GATED:
                return _record(row)
            said = str((row.gate or {}).get("reason", "")) or "nothing yet"
            report = (row.gate or {}) | {"override": {"by": by, "reason": reason}}
            detail = f"override: {reason}; the gate said: {said}"
            return self._move(connection, row, AdapterState.GATED, by, detail, gate=report)

    def start_canary(self, digest: str, share: float, by: str) -> AdapterRecord:
        """Another canary ends. Raises: StoreError, when `share` is not between 0 and 1."""
        if not 0 < share < 1:
            raise StoreError(f"a canary's share is above 0 and below 1, not {share}; promote it to give it all pairs")
        with self._database.writing(durable=True) as connection:
            _lock(connection)
            row = _row(connection, digest)
            if row.state == AdapterState.CANARY:
                connection.execute(update(AdapterRow).where(AdapterRow.id == row.id).values(canary_share=share))
                return _record(_row(connection, row.digest))
            check_adapter_transition(row.digest, AdapterState(row.state), AdapterState.CANARY)
            self._end(connection, AdapterState.CANARY, by, f"{row.digest[:12]} takes its place")
            return self._move(connection, row, AdapterState.CANARY, by, f"share {share:g}", canary_share=share)

    def promote(self, digest: str, by: str, detail: str = "") -> AdapterRecord:
        with self._database.writing(durable=True) as connection:
            _lock(connection)
            row = _row(connection, digest)
            if row.state == AdapterState.CURRENT:
                return _record(row)
            check_adapter_transition(row.digest, AdapterState(row.state), AdapterState.CURRENT)
            before = _find(connection, AdapterRow.state == AdapterState.CURRENT.value)
            self._end(connection, AdapterState.CURRENT, by, f"{row.digest[:12]} takes its place")
            previous = None if before is None else before.digest
            return self._move(connection, row, AdapterState.CURRENT, by, detail, canary_share=0.0, previous=previous)

    def roll_back(self, by: str, detail: str = "") -> AdapterRecord | None:
        """Gives what is current afterwards. Raises: TransitionError, when there is nothing to go back to."""
        with self._database.writing(durable=True) as connection:
            _lock(connection)
            current = _find(connection, AdapterRow.state == AdapterState.CURRENT.value)
            if self._end(connection, AdapterState.CANARY, by, detail or "rolled back"):
                return None if current is None else _record(current)
            if current is None:
                raise TransitionError("no adapter is in force; `coachlm adapters list` shows which may be promoted")
            before = _find(connection, AdapterRow.digest == current.previous)
            if before is None or before.state != AdapterState.RETIRED:
                raise TransitionError(
                    f"nothing was current before adapter {current.digest[:12]}; "
                    "reject it to work without one, or promote another"
                )
            self._move(connection, current, AdapterState.RETIRED, by, detail or "rolled back")
            return self._move(connection, before, AdapterState.CURRENT, by, f"back from {current.digest[:12]}")

    def reject(self, digest: str, by: str, detail: str) -> AdapterRecord:
        with self._database.writing(durable=True) as connection:
            _lock(connection)
            return self._move(connection, _row(connection, digest), AdapterState.REJECTED, by, detail, canary_share=0.0)

    def in_force(self) -> InForce:
        with self._database.reading() as connection:
            current = _find(connection, AdapterRow.state == AdapterState.CURRENT.value)
            canary = _find(connection, AdapterRow.state == AdapterState.CANARY.value)
        return InForce(*(None if row is None else _record(row) for row in (current, canary)))

    def show(self, digest: str) -> AdapterRecord:
        with self._database.reading() as connection:
            return _record(_row(connection, digest))

    def adapters(self) -> list[AdapterRecord]:
        with self._database.reading() as connection:
            rows = all_rows(
                StoredAdapter, connection.execute(select(AdapterRow.__table__).order_by(AdapterRow.id.desc()))
            )
        return [_record(row) for row in rows]

    def events(self, digest: str) -> list[AdapterEvent]:
        """Oldest first."""
        with self._database.reading() as connection:
            row = _row(connection, digest)
            event = AdapterEventRow
            columns = (event.from_state, event.to_state, event.person, event.detail, event.created_at)
            found = connection.execute(select(*columns).where(event.adapter == row.id).order_by(event.id)).all()
        return [
            AdapterEvent(
                row.digest, None if before is None else AdapterState(before), AdapterState(after), person, detail, at
            )
            for before, after, person, detail, at in found
        ]

    def _end(self, connection: Connection, state: AdapterState, by: str, detail: str) -> bool:
        """Retire the adapter in this state, if there is one."""
        row = _find(connection, AdapterRow.state == state.value)
        if row is not None:
            self._move(connection, row, AdapterState.RETIRED, by, detail, canary_share=0.0)
        return row is not None

    def _move(
        self, connection: Connection, row: StoredAdapter, wanted: AdapterState, by: str, detail: str, **columns: object
    ) -> AdapterRecord:
        before, now = AdapterState(row.state), self._now()
        check_adapter_transition(row.digest, before, wanted)
        changed = update(AdapterRow).where(AdapterRow.id == row.id)
        connection.execute(changed.values(state=wanted.value, changed_at=now, **columns))
        _note(connection, row.id, before, wanted, by, detail, now)
        return _record(_row(connection, row.digest))


def _lock(connection: Connection) -> None:
    """One change at a time; SQLite's writers wait for one another anyway."""
    if connection.dialect.name != "sqlite":
        connection.execute(select(func.pg_advisory_xact_lock(_POSTGRES_LOCK)))


def _find(connection: Connection, condition: ColumnElement[bool]) -> StoredAdapter | None:
    return one_row(StoredAdapter, connection.execute(select(AdapterRow.__table__).where(condition)))


def _row(connection: Connection, digest: str) -> StoredAdapter:
    if (row := _find(connection, AdapterRow.digest == digest)) is not None:
        return row
    if len(digest) < _SHORTEST or not digest.isalnum():
        raise NotFoundError(f"no adapter matches {digest!r}; give {_SHORTEST} digits or more of its digest")
    begun = select(AdapterRow.__table__).where(AdapterRow.digest.startswith(digest, autoescape=True)).limit(2)
    rows = all_rows(StoredAdapter, connection.execute(begun))
    if len(rows) != 1:
        how = "no adapter" if not rows else "several adapters"
        raise NotFoundError(f"{digest!r} names {how}; `coachlm adapters list` shows all digests")
    return rows[0]


def _check_not_taken_out(connection: Connection, row: StoredAdapter) -> None:
    """Raises: TransitionError, where a person rejected the adapter: the gate has no say in that."""
    if row.state != AdapterState.REJECTED:
        return
    rejections = (AdapterEventRow.adapter == row.id, AdapterEventRow.to_state == AdapterState.REJECTED.value)
    said = select(AdapterEventRow.person, AdapterEventRow.detail).where(*rejections)
    person, detail = connection.execute(said.order_by(AdapterEventRow.id.desc()).limit(1)).one()
    if person != GATE:
        raise TransitionError(f"adapter {row.digest[:12]} was taken out of use by {person} ({detail}); train another")


def _note(
    connection: Connection,
    number: int,
    before: AdapterState | None,
    after: AdapterState,
    by: str,
    detail: str,
    now: datetime,
) -> None:
    connection.execute(
        insert(AdapterEventRow).values(
            adapter=number,
            from_state=None if before is None else before.value,
            to_state=after.value,
            person=by,
            detail=detail,
            created_at=now,
        )
    )


def _record(row: StoredAdapter) -> AdapterRecord:
    return AdapterRecord(
        digest=row.digest,
        base=row.base,
        base_digest=row.base_digest,
        artifact=row.artifact,
        state=AdapterState(row.state),
        training=row.training or {},
        gate=row.gate,
        canary_share=row.canary_share,
        created_at=row.created_at,
        changed_at=row.changed_at,
    )
