"""When pairs come out of the streams, read from their topics as anybody else would."""

import json
import threading
import time
from typing import Any, Self

from kafka import KafkaConsumer
from kafka.structs import TopicPartition

from benchmarks.faults.stage import Ground

_Consumer: Any = KafkaConsumer
_DEADLINE_SECONDS = 300


class Arrivals:
    """When a pair was first seen on pairs.accepted and on pairs.revised, by its name."""

    def __init__(self, ground: Ground) -> None:
        self._accepted_topic = f"{ground.prefix}pairs.accepted"
        topics = [self._accepted_topic, f"{ground.prefix}pairs.revised"]
        self._consumer = _Consumer(bootstrap_servers=ground.servers.split(","), fetch_max_wait_ms=5)
        parts = [part for topic in topics for part in _partitions(self._consumer, topic)]
        self._consumer.assign(parts)
        self._consumer.seek_to_beginning(*parts)
        self._names: dict[bytes, str] = {}
        self._early: dict[bytes, float] = {}  # revisions read before the pair that they are of
        self.accepted: dict[str, float] = {}
        self.revised: dict[str, float] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._read, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        self._consumer.close()

    def wait_for(self, names: set[str]) -> None:
        """Raises: RuntimeError, when some of them are not revised in time."""
        end = time.monotonic() + _DEADLINE_SECONDS
        while missing := names - self.revised.keys():
            if time.monotonic() > end or not self._thread.is_alive():
                raise RuntimeError(f"{len(missing):,} of {len(names):,} pairs were not seen revised")
            time.sleep(0.1)

    def _read(self) -> None:
        while not self._stop.is_set():
            for records in self._consumer.poll(timeout_ms=100).values():
                for record in records:
                    self._note(record, time.time())

    def _note(self, record: Any, now: float) -> None:
        if record.topic == self._accepted_topic:
            name = self._names[record.key] = json.loads(record.value)["instruction"].split()[1]
            self.accepted.setdefault(name, now)
        else:
            self._early.setdefault(record.key, now)
        if record.key in self._names and record.key in self._early:
            self.revised.setdefault(self._names[record.key], self._early.pop(record.key))


def _partitions(consumer: Any, topic: str) -> list[Any]:
    return [TopicPartition(topic, number) for number in consumer.partitions_for_topic(topic)]
