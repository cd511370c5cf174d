"""One worker process: a driver that feeds a handler, with a relay, a watchdog and metrics beside it, from the first
message to an orderly end."""

import asyncio
import gc
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from coachlm.errors import StoreError, StreamError
from coachlm.protocols.streams import DeadLetter, StreamStore, Topic
from coachlm.revision import Revision
from coachlm.settings import Settings
from streams.broker.producing.relay import Relay, RelayThread
from streams.broker.topics.lag import Lag, LagReader
from streams.broker.topics.raw_topics import check_extra_topics, raw_topics
from streams.broker.topics.remade import remade_topics
from streams.broker.topics.topics import ensure_topics, intake_group, revise_group, topic_name
from streams.broker.wire.report import Report
from streams.broker.worker.batches import Batches, Stopped
from streams.broker.worker.driver import Driver, Place, Subscription
from streams.broker.worker.handler import Handler, Observer
from streams.broker.worker.metrics import Metrics
from streams.broker.worker.watchdog import Watchdog

log = logging.getLogger(__name__)

STALLED_EXIT = 75
"""EX_TEMPFAIL of sysexits.h: start it again."""
_REVISE_BATCHES = 4
_RELAY_SHARE = 0.5
"""Of the time to drain; the last announcements are safe in the outbox."""


@dataclass(frozen=True, slots=True)
class Stage:
    """What a worker does: its name, and what it reads."""

    name: str
    subscription: Subscription


def intake_stage(settings: Settings) -> Stage:
    topic, group = topic_name(settings, Topic.RAW), intake_group(settings)
    extra = tuple(name for name in raw_topics(settings) if name != topic)
    return Stage(
        "intake",
        Subscription(settings, topic, group, settings.streams.batch_messages, extra, settings.streams.session_seconds),
    )


def revise_stage(settings: Settings) -> Stage:
    """Batches of a few forward batches: the offsets of a slow engine shall move every now and then."""
    messages = min(settings.streams.batch_messages, settings.reviser.batch_pairs * _REVISE_BATCHES)
    topic, group = topic_name(settings, Topic.ACCEPTED), revise_group(settings)
    return Stage("revise", Subscription(settings, topic, group, messages, (), settings.streams.session_seconds))


class Worker:
    """Runs a stage until it is told to end; one a process, in its main thread."""

    def __init__(
        self,
        stage: Stage,
        build_handler: Callable[[Observer], Handler],
        store: StreamStore,
        settings: Settings,
        report: Report,
    ) -> None:
        self._stage = stage
        self._store = store
        self._settings = settings
        self._report = report
        self._metrics = Metrics(stage.name)
        self._watchdog = Watchdog(
            settings.streams.watchdog_seconds, self._assignment, self._lags, self._saw_lags, self._stalled
        )
        observer = _Watched(self._metrics, self._watchdog, report)
        self._batches = Batches(build_handler(observer), settings.streams.tries, observer)
        self._relay = RelayThread(Relay(store, settings, self._metrics.published, self._relay_outage))
        self._lag_reader = LagReader(settings)
        self._driver: Driver | None = None
        self._ending = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._refused: str | None = None  # why it must not go on reading

    def run(self) -> None:
        """Returns after an orderly end (SIGTERM or SIGINT). A second signal, a stall, or a batch that takes longer than
        `drain_seconds` to finish ends the process at once: its messages are not acknowledged and come again.

        Raises: StreamError, SchemaError, SettingsError.
        """
        ensure_topics(self._settings)
        check_extra_topics(self._settings)
        if remade := remade_topics(self._settings, self._store, self._stage.subscription.topics):
            raise StreamError(remade)
        self._metrics.serve(self._settings)
        _collect_less_often()
        asyncio.run(self._main())

    async def _main(self) -> None:
        self._loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            self._loop.add_signal_handler(number, self._end, number)
        driver = self._driver = self._build_driver()
        threading.Thread(target=self._watchdog.run, name="watchdog", daemon=True).start()
        self._relay.start()
        subscription = self._stage.subscription
        self._report(
            "started",
            driver=self._settings.streams.driver,
            topics=subscription.topics,
            group=subscription.group,
            pid=os.getpid(),
        )
        try:
            await driver.run()
        except Stopped:
            log.info("ended while waiting; the messages in hand come again")
        finally:
            self._watchdog.stop()
            self._batches.stop()
            self._relay.stop(self._settings.worker.drain_seconds * _RELAY_SHARE)
        self._report("stopped", messages=self._metrics.message_count)
        if self._refused is not None:
            raise StreamError(self._refused)

    def _build_driver(self) -> Driver:
        if self._settings.streams.driver == "aiokafka":
            from streams.broker.worker.aiokafka_driver import AiokafkaDriver as Chosen
        else:
            from streams.broker.worker.faust_app import FaustDriver as Chosen
        return Chosen(self._stage.subscription, self._batches, self._assigned)

    def _end(self, number: int) -> None:
        if self._ending:
            _exit(128 + number)
        self._drain(0)

    def _drain(self, code: int) -> None:
        """To be called on the loop."""
        self._ending = True
        self._report("draining", seconds=self._settings.worker.drain_seconds)
        _exit_after(
            self._settings.worker.drain_seconds, code, lambda: self._report("left", why="the batch in hand comes again")
        )
        self._batches.stop()
        if self._driver is not None:
            self._driver.stop()

    def _assignment(self) -> set[Place]:
        return self._driver.assignment() if self._driver is not None else set()

    def _assigned(self, places: set[Place]) -> None:
        self._report("assigned", partitions=[f"{topic}:{partition}" for topic, partition in sorted(places)])

    def _lags(self) -> list[Lag]:
        """Has the worker end when what it reads is no longer what the database knows."""
        with suppress(StoreError):  # an outage, which the handler waits out
            remade = remade_topics(self._settings, self._store, self._stage.subscription.topics)
            if remade and not self._ending and self._loop is not None:
                self._refused = remade
                self._loop.call_soon_threadsafe(self._drain, 1)
        return self._lag_reader.read()

    def _saw_lags(self, found: list[Lag]) -> None:
        self._metrics.lags(found)
        with suppress(StoreError):  # the next look may find the database
            self._metrics.outbox(self._store.outbox_rows())

    def _stalled(self, why: str) -> None:
        if not self._ending:
            self._report("stalled", why=why)
            _exit(STALLED_EXIT)

    def _relay_outage(self, why: str | None) -> None:
        if why is None:
            self._report("publishing")
        else:
            self._metrics.relay_waiting()
            self._report("not publishing", why=why)


def run_relay(store: StreamStore, settings: Settings, report: Report) -> None:
    """Publishes the outbox until SIGTERM or SIGINT; then what is left of it. Raises: StreamError, SettingsError."""
    ensure_topics(settings)
    metrics = Metrics("relay")
    metrics.serve(settings)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, _frame: _exit(128 + number) if stop.is_set() else stop.set())

    def outage(why: str | None) -> None:
        report("publishing") if why is None else report("not publishing", why=why)

    report("started", pid=os.getpid())
    Relay(store, settings, metrics.published, outage).run(stop)
    report("stopped")


class _Watched(Observer):
    """Lets metrics, watchdog and report know."""

    def __init__(self, metrics: Metrics, watchdog: Watchdog, report: Report) -> None:
        self._metrics = metrics
        self._watchdog = watchdog
        self._report = report
        self._waiting = False

    def handled(self, messages: int, dead: Sequence[DeadLetter]) -> None:
        self._watchdog.progress()
        self._metrics.handled(messages, dead)

    def pairs(self, counts: Mapping[str, int]) -> None:
        self._metrics.pairs(counts)

    def revised(self, revisions: Sequence[Revision], seconds: float) -> None:
        self._metrics.revised(revisions, seconds)

    def batch(self, seconds: float) -> None:
        self._watchdog.batch()
        self._metrics.batch(seconds)

    def waiting(self, why: str) -> None:
        self._watchdog.outage(True)
        self._metrics.waiting(why)
        if not self._waiting:
            self._waiting = True
            self._report("waiting", why=why)

    def back(self) -> None:
        self._watchdog.outage(False)
        self._waiting = False
        self._report("working")


def _collect_less_often() -> None:
    """What stands by now stays for good, and a batch makes no rings: looking through it all costs 3 % of intake."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


def _exit_after(seconds: float, code: int, first: Callable[[], None] = lambda: None) -> None:
    def leave() -> None:
        time.sleep(seconds)
        first()
        _exit(code)

    threading.Thread(target=leave, name="deadline", daemon=True).start()


def _exit(code: int) -> None:
    """At once: threads that hang and clean-up that waits are left behind."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
