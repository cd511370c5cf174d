"""How far the consumer groups are behind, partition by partition, as the broker knows it."""

from dataclasses import dataclass
from itertools import chain
from typing import Any

from kafka.protocol.consumer import OffsetSpec
from kafka.structs import TopicPartition

from coachlm.settings import Settings
from coachlm.streaming import Topic
from streams.broker.admin import administration, described_topics, patiently
from streams.broker.raw_topics import raw_topics
from streams.broker.topics import intake_group, revise_group, topic_name


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
    """Of both consumer groups, partition by partition; none where a topic is missing.

    Raises: StreamError, SettingsError.
    """
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
    ends = patiently(admin.list_partition_offsets, dict.fromkeys(parts, OffsetSpec.LATEST))
    offsets = patiently(admin.list_group_offsets, {group: parts})[group]
    found = []
    for part in parts:
        committed = offsets[part].offset if part in offsets and offsets[part].offset >= 0 else None
        found.append(Lag(group, part.topic, part.partition, committed, firsts[part].offset, ends[part].offset))
    return found
