"""Model calls that clients tell of in parts: the question when it is asked, the answer when it is there.

What waits for its other parts waits in the database, without personal data; whose and of which session a call is
is remembered in memory alone, for those ids are stored nowhere but hashed.
"""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from datetime import timedelta
from threading import Lock
from typing import Any

from coachlm.protocols.intake import Call, CallStore
from coachlm.text.personal_data import Redactor
from streams.receiving.langfuse import as_record
from streams.receiving.lines import as_line
from streams.receiving.message_events import events_record, is_events, join_events

WAIT = timedelta(hours=24)
"""After so long without news a call is taken in as it is."""
_OVERDUE = 100
_REMEMBERED = 20_000


class CallInbox:
    """Safe to share between threads."""

    def __init__(self, calls: CallStore, redactor: Redactor) -> None:
        self._calls = calls
        self._redactor = redactor
        self._traces: OrderedDict[str, Call] = OrderedDict()
        self._lock = Lock()

    def add(self, parts: Mapping[str, Call]) -> dict[str, Call]:
        """The calls that are whole now, to be told `taken` once they are stored. A key is the name of the sender, a
        blank and the call's own. Raises: StoreError."""
        return self._calls.merge(parts, joined, self._waiting)

    def taken(self, keys: Sequence[str]) -> None:
        """Raises: StoreError."""
        self._calls.take(keys)

    def overdue(self) -> dict[str, Call]:
        """Raises: StoreError."""
        return self._calls.overdue(WAIT, _OVERDUE)

    def line(self, key: str, call: Call) -> bytes:
        """For the log door."""
        if is_events(call):
            return as_line(events_record(call))
        sender = key.partition(" ")[0]
        return as_line(as_record(call, self.trace(f"{sender} {call.get('traceId')}")))

    def note_trace(self, key: str, circumstances: Call) -> None:
        with self._lock:
            self._traces[key] = {**self._traces.pop(key, {}), **circumstances}
            if len(self._traces) > _REMEMBERED:
                self._traces.popitem(last=False)

    def trace(self, key: str) -> Call:
        with self._lock:
            return self._traces.get(key, {})

    def _waiting(self, call: Call) -> Call | None:
        if is_whole(call):
            return None
        texts: list[str] = []
        _collect((call.get("input"), call.get("output")), texts)
        clean = iter(self._redactor.redact(texts).texts)
        given, said = _replaced((call.get("input"), call.get("output")), clean)
        return {**call, "input": given, "output": said}


def joined(before: Call, after: Call) -> Call:
    """What came later counts, where it says something; events of messages stand beside one another."""
    if is_events(before):
        return join_events(before, after)
    return {**before, **{name: value for name, value in after.items() if value is not None}}


def is_whole(call: Call) -> bool:
    """Question and answer are there, or the call failed."""
    return call.get("input") is not None and (call.get("output") is not None or call.get("level") == "ERROR")


def _collect(value: Any, texts: list[str]) -> None:
    if isinstance(value, str):
        texts.append(value)
    elif isinstance(value, dict):
        _collect(list(value.values()), texts)
    elif isinstance(value, list | tuple):
        for item in value:
            _collect(item, texts)


def _replaced(value: Any, texts: Any) -> Any:
    if isinstance(value, str):
        return next(texts)
    if isinstance(value, dict):
        return dict(zip(value, _replaced(list(value.values()), texts), strict=True))
    if isinstance(value, list | tuple):
        return [_replaced(item, texts) for item in value]
    return value
