"""How far the consumer groups are behind, partition by partition, as the broker knows it."""

import logging
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from itertools import chain
from threading import Lock, Thread
from time import monotonic
from typing import Any

from kafka.protocol.consumer import IsolationLevel, OffsetSpec
from kafka.structs import TopicPartition

from coachlm.errors import CoachLMError
from coachlm.protocols.doors import GroupLag, StreamLag
from coachlm.protocols.streams import Topic
from coachlm.settings import Settings
from streams.broker.topics.raw_topics import raw_topics
from streams.broker.topics.topics import intake_group, revise_group, topic_name
from streams.broker.wire.admin import administration, described_topics, patiently
from streams.broker.wire.offsets import present

log = logging.getLogger(__name__)

_MOST_AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class Lag:
    """How far a consumer group is behind on one partition."""

    group: str
    topic: str
    partition: int
    committed: int | None  # None: the group has committed nothing there
    first: int  # retention has deleted what was before
    end: int

    @property
    def messages(self) -> int:
        return self.end - max(self.committed or 0, self.first)


def lags(settings: Settings) -> list[Lag]:
    """As `LagReader.read`, for one look."""
    return LagReader(settings, most=_MOST_AT_ONCE).read()


class LagReader:
    """Looks again and again at how far the groups are behind, and knows what holds no message.

    The end of a transaction takes an offset, and so does each record that was aborted; no consumer gets them. Where
    offsets have not moved since the last look, it reads whether a message stands there at all. `most`: on the first
    look, too, where there are no more than so many.
    """

    def __init__(self, settings: Settings, most: int = 0) -> None:
        self._settings = settings
        self._most = most
        self._seen: dict[tuple[str, str, int], tuple[int, int]] = {}
        self._holds: dict[tuple[str, str, int], tuple[tuple[int, int], bool]] = {}

    def read(self) -> list[Lag]:
        """Of both consumer groups, partition by partition; none where a topic is missing.

        Raises: StreamError, SettingsError.
        """
        return [self._counted(lag) for lag in _broker_lags(self._settings)]

    def _counted(self, lag: Lag) -> Lag:
        if lag.messages <= 0:  # negative: the topic was made anew
            return lag
        place, state = (lag.group, lag.topic, lag.partition), (lag.end - lag.messages, lag.end)
        moved = self._seen.get(place) != state
        self._seen[place] = state
        if moved and lag.messages > self._most:
            return lag
        if place not in self._holds or self._holds[place][0] != state:
            held, _ = present(self._settings, lag.topic, lag.partition, [range(*state)], limit=0)
            self._holds[place] = (state, held > 0)
        return lag if self._holds[place][1] else replace(lag, end=state[0])


def _broker_lags(settings: Settings) -> list[Lag]:
    read = {
        intake_group(settings): list(raw_topics(settings)),
        revise_group(settings): [topic_name(settings, Topic.ACCEPTED)],
    }
    with administration(settings) as admin:
        there = {topic["name"]: len(topic["partitions"]) for topic in described_topics(admin, [*chain(*read.values())])}
        found: list[Lag] = []
        for group, topics in read.items():
            parts = [TopicPartition(topic, number) for topic in topics for number in range(there.get(topic, 0))]
            if parts:
                found += _group_lags(admin, group, parts)
    return found


def _group_lags(admin: Any, group: str, parts: list[TopicPartition]) -> list[Lag]:
    firsts = patiently(admin.list_partition_offsets, dict.fromkeys(parts, OffsetSpec.EARLIEST))
    # What a transaction that is still open holds, and all behind it, can't be read yet.
    latest = partial(admin.list_partition_offsets, isolation_level=IsolationLevel.READ_COMMITTED)
    ends = patiently(latest, dict.fromkeys(parts, OffsetSpec.LATEST))
    offsets = patiently(admin.list_group_offsets, {group: parts})[group]
    found = []
    for part in parts:
        committed = offsets[part].offset if part in offsets and offsets[part].offset >= 0 else None
        found.append(Lag(group, part.topic, part.partition, committed, firsts[part].offset, ends[part].offset))
    return found


class BrokerLagProbe:
    """Implements `protocols.doors.LagProbe`: asks the broker in a thread of its own, at most every `keep_seconds`
    and only while somebody wants to know, so that a broker that is away holds nobody up."""

    def __init__(self, settings: Settings, keep_seconds: float = 10.0) -> None:
        self._reader = LagReader(settings, most=_MOST_AT_ONCE)
        self._settings = settings
        self._keep_seconds = keep_seconds
        self._lock = Lock()
        self._last = StreamLag()
        self._until = 0.0
        self._is_asking = False

    def latest(self) -> StreamLag:
        with self._lock:
            if not self._is_asking and monotonic() >= self._until:
                self._is_asking = True
                Thread(target=self._ask, name="lag-probe", daemon=True).start()
            return self._last

    def _ask(self) -> None:
        try:
            found = summed(self._settings, self._reader)
        except CoachLMError as error:
            found = StreamLag(problem=str(error))
        except Exception:
            log.exception("the lag can't be read")
            found = StreamLag(problem="the lag can't be read; the service's log says why")
        with self._lock:
            self._last, self._until, self._is_asking = found, monotonic() + self._keep_seconds, False


def summed(settings: Settings, reader: LagReader | None = None) -> StreamLag:
    """Of every consumer group, over its partitions. Raises: StreamError, SettingsError."""
    stages = {intake_group(settings): "intake", revise_group(settings): "revise"}
    sums = dict.fromkeys(stages, 0)
    for lag in (reader or LagReader(settings, most=_MOST_AT_ONCE)).read():
        sums[lag.group] += lag.messages
    groups = (GroupLag(group, stages[group], messages) for group, messages in sums.items())
    return StreamLag(tuple(groups), datetime.now(UTC))
