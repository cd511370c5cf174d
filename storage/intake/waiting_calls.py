"""Model calls that arrive in parts, kept until they are whole."""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, select

from coachlm.protocols.intake import Call
from storage.engine.bulk import insert_or_update, is_among
from storage.engine.database import Database, utc_now
from storage.engine.schema import INTAKE_LOCK
from storage.tables.pairs import MetaRow
from storage.tables.waiting import WaitingCallRow

_TAKEN = ""


class WaitingCalls:
    """Implements `coachlm.protocols.intake.CallStore`. Raises (all): StoreError."""

    def __init__(self, database: Database, now: Callable[[], datetime] = utc_now) -> None:
        self._database = database
        self._now = now

    def merge(
        self, parts: Mapping[str, Call], join: Callable[[Call, Call], Call], keep: Callable[[Call], Call | None]
    ) -> dict[str, Call]:
        with self._database.writing() as connection:
            connection.execute(select(MetaRow.value).where(MetaRow.name == INTAKE_LOCK).with_for_update())
            known = self._known(connection, list(parts))
            joined = {
                key: join(json.loads(known[key]), part) if key in known else part
                for key, part in parts.items()
                if known.get(key) != _TAKEN
            }
            kept = {key: kept for key, call in joined.items() if (kept := keep(call)) is not None}
            self._save(connection, {key: json.dumps(call) for key, call in kept.items()})
        return {key: call for key, call in joined.items() if key not in kept}

    def take(self, keys: Sequence[str]) -> None:
        with self._database.writing() as connection:
            self._save(connection, dict.fromkeys(keys, _TAKEN))

    def overdue(self, wait: timedelta, limit: int) -> dict[str, Call]:
        until = self._now() - wait
        late = WaitingCallRow.changed_at < until
        with self._database.writing() as connection:
            connection.execute(delete(WaitingCallRow).where(late, WaitingCallRow.parts == _TAKEN))
            oldest = select(WaitingCallRow.key, WaitingCallRow.parts).where(late)
            rows = connection.execute(oldest.order_by(WaitingCallRow.changed_at).limit(limit)).all()
        return {key: json.loads(parts) for key, parts in rows}

    def _known(self, connection: Connection, keys: Sequence[str]) -> dict[str, str]:
        if not keys:
            return {}
        found = select(WaitingCallRow.key, WaitingCallRow.parts)
        rows = connection.execute(found.where(is_among(connection, WaitingCallRow.key.expression, keys)))
        return dict(rows.all())

    def _save(self, connection: Connection, parts: Mapping[str, str]) -> None:
        if not parts:
            return
        now = self._now()
        rows = [{"key": key, "parts": text, "changed_at": now} for key, text in parts.items()]
        new = insert_or_update(connection.dialect.name, WaitingCallRow)
        changes = {"parts": new.excluded.parts, "changed_at": new.excluded.changed_at}
        connection.execute(new.on_conflict_do_update(index_elements=["key"], set_=changes), rows)
