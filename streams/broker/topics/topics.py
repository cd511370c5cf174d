"""The topics: what they have to be, made and checked before anything subscribes, and how far their readers are behind.

Faust ignores a topic that is missing when it subscribes, and the broker would make one with settings that lose
messages; so nothing starts before `ensure_topics` has returned.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from time import monotonic, sleep
from typing import Any

from kafka.admin import ConfigResource, ConfigResourceType
from kafka.errors import TopicAlreadyExistsError, for_code

from coachlm.errors import StreamError
from coachlm.protocols.streams import Topic
from coachlm.settings import Settings
from streams.broker.wire.admin import READY_SECONDS, administration, described_topics, patiently

_HOUR_MS = 3_600_000
_SLOW_READERS = 4
"""Times `kafka_retention_hours`, for what waits for the coach or for a person."""
_ENVELOPE_BYTES = 1_000_000
"""What headers, provenance and JSON's escapes may add to a record."""
_MORE_SUITS = frozenset({"max.message.bytes", "retention.ms", "min.insync.replicas"})
"""An operator may raise these at the broker."""


@dataclass(frozen=True, slots=True)
class WantedTopic:
    """A topic as the settings want it; more partitions or copies, larger messages, or more time are fine too."""

    name: str  # with its prefix
    partitions: int
    replication: int
    settings: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class TopicState:
    """A topic as the broker has it, against the wanted one."""

    wanted: WantedTopic
    partitions: int = 0  # 0: there is no such topic
    leaders: int = 0  # partitions that can be written and read
    replication: int = 0
    settings: Mapping[str, str] = field(default_factory=dict)

    @property
    def exists(self) -> bool:
        return self.partitions > 0

    @property
    def is_ready(self) -> bool:
        return self.exists and self.leaders == self.partitions and bool(self.settings)

    @property
    def differences(self) -> tuple[str, ...]:
        """In words; none for a topic that is missing."""
        if not self.exists:
            return ()
        found = []
        if self.has_few_partitions:
            found.append(f"{self.partitions} partitions instead of {self.wanted.partitions}")
        if self.replication < self.wanted.replication:
            found.append(f"{self.replication} copies instead of {self.wanted.replication}")
        return (
            *found,
            *(
                f"{name}={self.settings.get(name)} instead of {self.wanted.settings[name]}"
                for name in self.differing_settings
            ),
        )

    @property
    def has_few_partitions(self) -> bool:
        return self.partitions < self.wanted.partitions

    @property
    def differing_settings(self) -> tuple[str, ...]:
        return tuple(name for name in self.wanted.settings if not self._suits(name))

    @property
    def generous_settings(self) -> tuple[str, ...]:
        """Those of which the topic has more than is wanted, which suits."""
        return tuple(
            name for name, wanted in self.wanted.settings.items() if self._suits(name) and self.settings[name] != wanted
        )

    def _suits(self, name: str) -> bool:
        wanted, present = self.wanted.settings[name], self.settings.get(name)
        if name not in _MORE_SUITS or present is None:
            return present == wanted
        return int(present) >= int(wanted) or (name == "retention.ms" and int(present) < 0)  # negative: for ever


def topic_name(settings: Settings, topic: Topic) -> str:
    return f"{settings.kafka.prefix}{topic}"


def intake_group(settings: Settings) -> str:
    return f"{settings.kafka.prefix}intake"


def revise_group(settings: Settings) -> str:
    return f"{settings.kafka.prefix}revise"


def max_message_bytes(settings: Settings) -> int:
    """The largest message of any topic: whatever intake accepts as a record fits."""
    return settings.intake.max_record_bytes + _ENVELOPE_BYTES


def wanted_topics(settings: Settings) -> tuple[WantedTopic, ...]:
    """Every topic as it has to be."""
    hours = settings.kafka.retention_hours
    return (
        _wanted(settings, Topic.RAW, hours),
        # Not compacted, though keyed: compaction leaves gaps between offsets, and Faust's commits stumble over gaps.
        # Kept for longer: a pair whose message is deleted before the coach has come to it is not revised by streams.
        _wanted(settings, Topic.ACCEPTED, hours * _SLOW_READERS),
        # Nothing here reads these; for those who do, the last revision of a pair replaces earlier ones.
        _wanted(settings, Topic.REVISED, hours, cleanup="compact,delete"),
        _wanted(settings, Topic.EXCLUDED, hours),
        _wanted(settings, Topic.DEAD, hours * _SLOW_READERS),
    )


def ensure_topics(settings: Settings, *, repair: bool = False, lower: bool = False) -> list[TopicState]:
    """Create what is missing, check what is there, and wait until every partition has a leader. Idempotent; any number
    of workers may do it at once. `repair` adds partitions and changes settings of topics that differ; with `lower` also
    those of which a topic has more than is wanted: a shorter retention deletes messages.

    Raises: StreamError, naming topic, difference and remedy; SettingsError for a wrong connection.
    """
    with administration(settings) as admin:
        states = _made_ready(admin, wanted_topics(settings))
        if repair:
            for state in states:
                _repair(admin, state, lower)
            states = _settled(admin, wanted_topics(settings), lower)
    _refuse_differences(states)
    return states


def delete_topics(settings: Settings) -> None:
    """Every topic under the prefix's names, with what they hold: for those that were made for one run.

    Raises: StreamError, SettingsError; ValueError without a prefix, for those names are an installation's.
    """
    if not settings.kafka.prefix:
        raise ValueError("topics without a prefix are not deleted")
    with administration(settings) as admin:
        there = described_topics(admin, [topic.name for topic in wanted_topics(settings)])
        if there:
            admin.delete_topics([topic["name"] for topic in there], raise_errors=False)


def topic_states(settings: Settings) -> list[TopicState]:
    """Every topic against the wanted one; changes nothing. Raises: StreamError, SettingsError."""
    with administration(settings) as admin:
        return _states(admin, wanted_topics(settings))


def _wanted(settings: Settings, topic: Topic, hours: int, cleanup: str = "delete") -> WantedTopic:
    configuration = {
        "cleanup.policy": cleanup,
        "retention.ms": str(hours * _HOUR_MS),
        "max.message.bytes": str(max_message_bytes(settings)),
        # A majority of three copies has each acknowledged message, and one broker may be away.
        "min.insync.replicas": "2" if settings.kafka.replication >= 3 else "1",
        # The broker's clock: one producer's wrong clock would have its messages refused or deleted at once.
        "message.timestamp.type": "LogAppendTime",
    }
    return WantedTopic(
        topic_name(settings, topic), settings.kafka.partitions, settings.kafka.replication, configuration
    )


def _create(admin: Any, topics: Sequence[WantedTopic]) -> None:
    request = {
        topic.name: {
            "num_partitions": topic.partitions,
            "replication_factor": topic.replication,
            "configs": dict(topic.settings),
        }
        for topic in topics
    }
    answer = patiently(lambda: admin.create_topics(request, raise_errors=False))
    for topic in answer["topics"]:
        error = for_code(topic["error_code"])
        if topic["error_code"] and error is not TopicAlreadyExistsError:  # another worker was quicker
            raise StreamError(
                f"topic {topic['name']} could not be created: {topic['error_message'] or error.__name__}; "
                "see COACHLM_KAFKA_REPLICATION, COACHLM_KAFKA_PARTITIONS and the user's rights"
            )


def _made_ready(admin: Any, wanted: Sequence[WantedTopic]) -> list[TopicState]:
    """Asks again and again: for a moment a broker may not know yet of a new topic, or still know a deleted one."""
    end = monotonic() + READY_SECONDS
    while True:
        states = _states(admin, wanted)
        if all(state.is_ready for state in states):
            return states
        missing = [state.wanted for state in states if not state.exists]
        if monotonic() > end:
            waiting = ", ".join(state.wanted.name for state in states if not state.is_ready)
            raise StreamError(f"not ready after {READY_SECONDS} s: {waiting}; are enough brokers up?")
        if missing:
            _create(admin, missing)
        sleep(0.1)


def _settled(admin: Any, wanted: Sequence[WantedTopic], lower: bool) -> list[TopicState]:
    """A broker may tell of a topic as it was for a moment after it has been changed; copies are never changed here."""
    end = monotonic() + READY_SECONDS
    while True:
        states = _made_ready(admin, wanted)
        unlike = any(state.has_few_partitions or state.differing_settings for state in states)
        if monotonic() > end or not (unlike or (lower and any(state.generous_settings for state in states))):
            return states
        sleep(0.1)


def _states(admin: Any, wanted: Sequence[WantedTopic]) -> list[TopicState]:
    described = {
        topic["name"]: topic["partitions"] for topic in described_topics(admin, [topic.name for topic in wanted])
    }
    resources = [
        ConfigResource(ConfigResourceType.TOPIC, topic.name, dict(topic.settings))  # its values don't matter
        for topic in wanted
        if topic.name in described
    ]
    asked = (lambda: admin.describe_configs(resources, config_filter="all")) if resources else dict
    settings: dict[str, Any] = patiently(asked).get("topic", {})
    states = []
    for topic in wanted:
        partitions = described.get(topic.name, [])
        replication = min((len(partition["replica_nodes"]) for partition in partitions), default=0)
        leaders = sum(partition["leader_id"] >= 0 for partition in partitions)
        present = {name: entry["value"] for name, entry in settings.get(topic.name, {}).items()}
        states.append(TopicState(topic, len(partitions), leaders, replication, present))
    return states


def _repair(admin: Any, state: TopicState, lower: bool) -> None:
    wanted = state.wanted
    if state.has_few_partitions:
        patiently(admin.create_partitions, {wanted.name: wanted.partitions})
    differing = state.differing_settings + (state.generous_settings if lower else ())
    if differing:
        change = {name: wanted.settings[name] for name in differing}
        resource = ConfigResource(ConfigResourceType.TOPIC, wanted.name, change)
        answers = patiently(admin.alter_configs, [resource])
        refused = [answer for kind in answers.values() for answer in kind.values() if answer != "OK"]
        if refused:
            raise StreamError(f"topic {wanted.name}: the broker refuses its settings: {'; '.join(refused)}")


def _refuse_differences(states: Sequence[TopicState]) -> None:
    wrong = [f"topic {state.wanted.name} has {', '.join(state.differences)}" for state in states if state.differences]
    if not wrong:
        return
    remedy = "run `coachlm topics --create` to change the topics, or set COACHLM_KAFKA_PARTITIONS, "
    remedy += "COACHLM_KAFKA_REPLICATION, COACHLM_KAFKA_RETENTION_HOURS and COACHLM_MAX_RECORD_BYTES as they are"
    if any(state.replication < state.wanted.replication for state in states):
        remedy += "; copies are added by Kafka's own kafka-reassign-partitions"
    raise StreamError(f"{'; '.join(wrong)}: {remedy}")
