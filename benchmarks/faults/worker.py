"""A stream worker as `coachlm stream` runs it, with faults put in around its handler, or a slow engine in it.

    python -m benchmarks.faults.worker intake|revise [--fault-share 0.02] [--session-seconds 6]
        [--revise-ms 50] [--tally FILE]

Settings come from COACHLM_* variables. The product knows nothing of faults: they are wrapped around its classes here.
"""

import argparse
import json
import os
import random
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from assembly.stores import build_stream_store, intake_salt, open_database
from benchmarks.faults.load import MARK_INTAKE, MARK_REVISE
from coachlm.errors import CoachLMError, StreamError
from coachlm.pairs import InstructionPair
from coachlm.protocols.streams import Announcement, DeadLetter, Send, StreamMessage, StreamStore
from coachlm.revision import Revision
from coachlm.settings import Settings, load_settings
from reviser.rules.reviser import RulesReviser
from streams.broker.worker.handler import Handler, Observer
from streams.broker.worker.intake_handler import IntakeHandler
from streams.broker.worker.revise_handler import ReviseHandler
from streams.broker.worker.worker import Worker, intake_stage, revise_stage
from streams.reading.sources.records import ParseOptions
from streams.reading.stages import IntakeStages


class InjectedError(Exception):
    """Raised on purpose."""


class FaultyHandler(Handler):
    """Raises before its work or after it, by chance, and always on messages with a mark; tallies what it was given."""

    def __init__(self, handler: Handler, fault_share: float, mark: str, tally: Path | None) -> None:
        self._handler = handler
        self._share = fault_share
        self._mark = mark.encode()
        self._tally = os.open(tally, os.O_WRONLY | os.O_APPEND | os.O_CREAT) if tally else None

    def handle(self, messages: Sequence[StreamMessage]) -> None:
        self._count(len(messages))
        self._maybe_raise("before")
        if self._share and any(self._mark in (message.value or b"") for message in messages):
            raise InjectedError("a marked message")
        self._handler.handle(messages)
        self._maybe_raise("after")

    def bury(self, letters: Sequence[DeadLetter]) -> None:
        self._maybe_raise("before burying")
        self._handler.bury(letters)

    def is_healthy(self) -> bool:
        return self._handler.is_healthy()

    def _maybe_raise(self, when: str) -> None:
        if random.random() < self._share:
            raise InjectedError(f"by chance, {when}")

    def _count(self, messages: int) -> None:
        """One write a batch, which a kill can't undo."""
        if self._tally is not None:
            os.write(self._tally, b"%d\n" % messages)


class FaultyStore:
    """A store whose outbox fails by chance, before or after its announcements are sent."""

    def __init__(self, store: StreamStore, fault_share: float) -> None:
        self._store = store
        self._share = fault_share

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def publish(self, limit: int, send: Send) -> int:
        def send_or_fail(announcements: Sequence[Announcement]) -> Sequence[DeadLetter] | None:
            if random.random() < self._share:
                raise StreamError("injected by chance, before sending")
            refused = send(announcements)
            if random.random() < self._share:
                raise StreamError("injected by chance, after sending")
            return refused

        return self._store.publish(limit, send_or_fail)


class SlowReviser:
    """The rules engine, taking a set time for each pair as a model does."""

    def __init__(self, seconds: float) -> None:
        self._reviser = RulesReviser()
        self._seconds = seconds
        self.name = self._reviser.name
        self.adapter = self._reviser.adapter

    def revise(self, pairs: Sequence[InstructionPair]) -> list[Revision]:
        time.sleep(self._seconds * len(pairs))
        return self._reviser.revise(pairs)

    def close(self) -> None:
        self._reviser.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("stage", choices=("intake", "revise"))
    parser.add_argument("--fault-share", type=float, default=0.0)
    parser.add_argument("--session-seconds", type=float, default=30.0)
    parser.add_argument("--revise-ms", type=float, default=0.0)
    parser.add_argument("--tally", type=Path)
    given = parser.parse_args()
    settings = load_settings()
    stage = intake_stage(settings) if given.stage == "intake" else revise_stage(settings)
    stage = replace(stage, subscription=replace(stage.subscription, session_seconds=given.session_seconds))
    with open_database(settings) as database:
        store = cast(StreamStore, FaultyStore(build_stream_store(database, settings), given.fault_share))
        build = _intake if given.stage == "intake" else _revise
        handler = build(settings, store, intake_salt(database, settings), given)
        Worker(stage, handler, store, settings, _report).run()


def _intake(settings: Settings, store: StreamStore, salt: bytes, given: Any) -> Callable[[Observer], Handler]:
    stages = IntakeStages(settings, ParseOptions.from_settings(settings), salt)

    def build(observer: Observer) -> Handler:
        handler = IntakeHandler(stages, store, settings, observer)
        return FaultyHandler(handler, given.fault_share, MARK_INTAKE, given.tally)

    return build


def _revise(settings: Settings, store: StreamStore, salt: bytes, given: Any) -> Callable[[Observer], Handler]:
    def build(observer: Observer) -> Handler:
        handler = ReviseHandler(SlowReviser(given.revise_ms / 1000), store, settings, observer)
        return FaultyHandler(handler, given.fault_share, MARK_REVISE, given.tally)

    return build


def _report(state: str, /, **facts: object) -> None:
    print(json.dumps({"at": round(time.time(), 3), "state": state, **facts}, default=str), flush=True)


if __name__ == "__main__":
    try:
        main()
    except CoachLMError as error:
        sys.exit(f"error: {error}")
