"""The demo's middle part through Kafka: the sample logs are produced, worker processes take them in and revise them."""

import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from assembly.reconciling import examine
from assembly.stores import build_store, build_stream_store
from coachlm.errors import StreamError
from coachlm.machine.processes import coachlm_command
from coachlm.protocols.streams import Topic
from coachlm.settings import Settings

if TYPE_CHECKING:
    from storage.engine.database import Database
    from streams.broker.producing.produce import ProduceCounts

_DEADLINE_SECONDS = 300
_LOOK_SECONDS = 0.5
_DRAIN_SECONDS = 60


def own_prefix() -> str:
    """For topics and groups: a demo neither reads nor disturbs what else is on the broker."""
    return f"demo-{uuid4().hex[:8]}."


def carry(database: "Database", logs: Path, settings: Settings, workers_log: Path, say: Callable[..., None]) -> None:
    """Logs into `logs.raw`, then workers until every message has its outcome and every pair its revision.

    Its topics are deleted afterwards. Raises: StreamError, when a broker can't be reached, workers end, or a message
    came to nothing.
    """
    from streams.broker.topics.topics import delete_topics, ensure_topics

    ensure_topics(settings)
    try:
        _carry(database, logs, settings, workers_log, say)
    finally:
        delete_topics(settings)


def _carry(database: "Database", logs: Path, settings: Settings, workers_log: Path, say: Callable[..., None]) -> None:
    from streams.broker.topics.topics import topic_name

    counts = _produce(logs, settings)
    left = ", ".join(f"{count} {reason}" for reason, count in counts.rejected.items()) or "none"
    topic = topic_name(settings, Topic.RAW)
    say(f"   {counts.records} records: {counts.sent} in {counts.messages} messages to {topic} · not sent: {left}")
    say(f"[bold]2. streaming[/]        one intake and one revise worker, engine `{settings.reviser.engine}`")
    with _workers(settings, workers_log) as workers:
        _await_drained(database, settings, workers, workers_log)
    partitions, coach, problems = examine(settings, database)
    if problems:
        raise StreamError("; ".join(problems))
    produced = sum(one.produced for one in partitions)
    outcomes = sum(sum(one.fates.values()) for one in partitions)
    waiting = coach.waiting if coach else 0
    say(f"   reconciled: {produced} messages produced, {outcomes} outcomes stored, none lost; {waiting} pairs wait")


def _produce(logs: Path, settings: Settings) -> "ProduceCounts":
    from streams.broker.producing.produce import Production
    from streams.broker.producing.raw_producer import RawProducer, find_destination
    from streams.broker.producing.resume import ResumeFile
    from streams.broker.topics.topics import topic_name

    destination = find_destination(settings, topic_name(settings, Topic.RAW))
    resume = ResumeFile(None, destination.name)
    producer = RawProducer(settings, destination.topic, destination.limit)
    try:
        return Production(producer, resume, settings, None, lambda _counts, _share: None).run((str(logs),))
    finally:
        producer.close()
        resume.close()


@contextmanager
def _workers(settings: Settings, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """`coachlm stream all` on the demo's own topics; what it says goes into a file."""
    url = settings.database.url.get_secret_value()
    servers = ",".join(settings.kafka.servers)
    command = coachlm_command("stream", "all", "--db", url, "--servers", servers, "--engine", settings.reviser.engine)
    own = {"COACHLM_KAFKA_PREFIX": settings.kafka.prefix, "COACHLM_MODEL": "", "COACHLM_ADAPTER": ""}
    with log.open("wb") as file:
        process = subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT, env=os.environ | own)  # noqa: S603
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(_DRAIN_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _await_drained(database: "Database", settings: Settings, workers: subprocess.Popen[bytes], log: Path) -> None:
    """Until nothing lies in a topic or the outbox, and no pair waits for the coach."""
    from streams.broker.topics.lag import summed

    streams, store = build_stream_store(database, settings), build_store(database, settings)
    end = time.monotonic() + _DEADLINE_SECONDS
    while time.monotonic() < end:
        behind = sum(group.messages for group in summed(settings).groups)
        if not (behind or streams.outbox_rows() or store.count_awaiting_revision()):
            return
        if workers.poll() is not None:
            raise StreamError(f"the workers ended with {workers.returncode}; see {log}")
        time.sleep(_LOOK_SECONDS)
    raise StreamError(f"the workers were not done in {_DEADLINE_SECONDS} s; see {log}")
