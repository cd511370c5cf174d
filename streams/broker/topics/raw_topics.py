"""Topics with raw records: ours, and those that other systems fill and intake reads, too."""

from coachlm.errors import SettingsError, StreamError
from coachlm.protocols.streams import Topic
from coachlm.settings import Settings
from streams.broker.topics.topics import topic_name
from streams.broker.wire.admin import administration, described_topics
from streams.reading.formats import FORMATS


def raw_topics(settings: Settings) -> dict[str, str | None]:
    """Topics to take in, ours first, each with the log format of its records; None: told by their shape or headers.

    Raises: SettingsError, for an entry of `kafka_extra_topics` that is none.
    """
    ours = {topic_name(settings, topic) for topic in Topic}
    topics: dict[str, str | None] = {topic_name(settings, Topic.RAW): None}
    for entry in settings.kafka.extra_topics:
        name, _, format = (part.strip() for part in entry.partition("="))
        problem = _problem(name, format, ours, topics)
        if problem or ("=" in entry and not format):
            problem = problem or "ends without a format"
            raise SettingsError(f"COACHLM_KAFKA_EXTRA_TOPICS: {entry!r} {problem}; write TOPIC or TOPIC=FORMAT")
        topics[name] = format or None
    return topics


def check_extra_topics(settings: Settings) -> None:
    """Faust ignores a topic that is missing when it subscribes, and whoever fills these topics makes them.

    Raises: StreamError, naming those that are missing; SettingsError.
    """
    extra = list(raw_topics(settings))[1:]
    if not extra:
        return
    with administration(settings) as admin:
        there = {topic["name"] for topic in described_topics(admin, extra)}
    missing = [name for name in extra if name not in there]
    if missing:
        raise StreamError(
            f"COACHLM_KAFKA_EXTRA_TOPICS: no such topic: {', '.join(missing)}; make it where it is filled, "
            "or take it out of the setting"
        )


def _problem(name: str, format: str, ours: set[str], topics: dict[str, str | None]) -> str:
    if not name:
        return "names no topic"
    if name in ours:
        return "is a topic of our own"
    if name in topics:
        return "is there twice"
    if format and format not in FORMATS:
        return f"names no log format (there are: {', '.join(sorted(FORMATS))})"
    return ""
