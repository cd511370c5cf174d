"""Notices topics that were deleted and made anew under the same name: their offsets start again at 0, where the
database has outcomes of other messages. Nobody reads on until somebody has said what is to become of them."""

# See docs/decisions/0097-know-topics-by-id.md

from collections.abc import Sequence

from kafka.errors import GroupIdNotFoundError, NoError
from kafka.structs import TopicPartition

from coachlm.errors import StreamError
from coachlm.protocols.streams import StreamStore
from coachlm.settings import Settings
from streams.broker.topics.topics import intake_group, revise_group
from streams.broker.wire.admin import administration, described_topics


def remade_topics(settings: Settings, store: StreamStore, names: Sequence[str]) -> str | None:
    """Why these topics must not be read; None: they are those that the database knows.

    Raises: StreamError, SettingsError, StoreError.
    """
    with administration(settings) as admin:
        described = described_topics(admin, list(names))
    ids = {topic["name"]: str(topic["topic_id"]) for topic in described if topic.get("topic_id")}  # Kafka 2.8 and later
    others = sorted(store.remember_topics(ids))
    if not others:
        return None
    options = " ".join(f"--made-anew {name}" for name in others)
    return (
        f"{', '.join(others)}: deleted and made anew since the database has read it; its offsets start again and would "
        f"be taken for those of old messages. Stop all stream workers, then run coachlm topics {options}"
    )


def forget_offsets(settings: Settings, topic: str) -> None:
    """Has both groups read the topic from its start. Raises: StreamError, also while a worker reads it."""
    with administration(settings) as admin:
        described = described_topics(admin, [topic])
        parts = [TopicPartition(topic, number) for one in described for number in range(len(one["partitions"]))]
        for group in (intake_group(settings), revise_group(settings)):
            try:
                answers = admin.delete_group_offsets(group, parts) if parts else {}
            except GroupIdNotFoundError:
                continue
            refused = {error.__name__ for error in answers.values() if error is not NoError}
            if refused:
                raise StreamError(
                    f"group {group} still reads {topic} ({', '.join(sorted(refused))}): stop all stream workers first; "
                    "one that was killed counts as there for COACHLM_SESSION_SECONDS"
                )
