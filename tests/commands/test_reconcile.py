"""The balance of a real broker's topics with the database, and what is found when it doesn't balance."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from click.testing import CliRunner
from kafka import KafkaConsumer, KafkaProducer
from kafka.admin import KafkaAdminClient
from kafka.structs import OffsetAndMetadata, TopicPartition

from coachlm.pairs import ExcludeReason, Exclusion
from coachlm.protocols.intake import IntakeBatch
from coachlm.protocols.streams import DeadLetter, DeadReason, StreamMessage
from coachlm.settings import load_settings
from storage.engine.database import Database, open_database
from storage.intake.store import DatabaseStore
from storage.streams.store import DatabaseStreamStore
from streams.broker.producing.relay import Relay
from streams.broker.topics.topics import ensure_topics
from tests.command_line import main
from tests.databases import Databases
from tests.storage.factories import make_intake, make_pair, make_reject, make_revision

pytestmark = pytest.mark.broker


class Stream:
    """A topic with one partition and a database; both are filled by hand, so that tests decide what is lost."""

    def __init__(self, server: str, prefix: str, url: str) -> None:
        self.server, self.prefix, self.url = server, prefix, url
        self.raw, self.accepted = f"{prefix}logs.raw", f"{prefix}pairs.accepted"
        self.database: Database = open_database(url)
        self.store = DatabaseStreamStore(self.database)
        self.settings = load_settings()

    def produce(self, count: int, **options: Any) -> None:
        producer: Any = KafkaProducer(bootstrap_servers=[self.server], **options)
        try:
            if "transactional_id" in options:
                producer.init_transactions()
                producer.begin_transaction()
            for _ in range(count):
                producer.send(self.raw, value=b"{}")
            if "transactional_id" in options:
                producer.commit_transaction()
            producer.flush(timeout=30)
        finally:
            producer.close()

    def accept(self, offsets: range) -> None:
        pairs = [make_intake(record=offset, source=f"{self.raw}:0") for offset in offsets]
        self.store.commit_stream_intake(IntakeBatch(pairs), [])

    def commit(self, topic: str, offset: int, group: str = "intake") -> None:
        consumer: Any = KafkaConsumer(bootstrap_servers=[self.server], group_id=f"{self.prefix}{group}")
        try:
            part = TopicPartition(topic, 0)
            consumer.assign([part])
            consumer.commit({part: OffsetAndMetadata(offset, "", -1)})
        finally:
            consumer.close()

    def forget(self, before: int) -> None:
        admin: Any = KafkaAdminClient(bootstrap_servers=[self.server])
        try:
            admin.delete_records({TopicPartition(self.raw, 0): before})
        finally:
            admin.close()

    def publish(self) -> None:
        relay = Relay(self.store, self.settings, lambda _count: None, lambda _why: None)
        try:
            relay.publish_all()
        finally:
            relay._close()

    def reconcile(self, *options: str, exit_code: int = 0) -> dict[str, Any]:
        result = CliRunner().invoke(main, ["reconcile", "--db", self.url, "--json", *options])
        assert result.exit_code == exit_code, result.output
        answer: dict[str, Any] = json.loads(result.stdout)
        assert answer["balances"] == (exit_code == 0)
        for part in answer["partitions"]:
            others = [part[name] for name in ("in_flight", "gaps", "missing", "expired")]
            assert part["produced"] == sum(part["fates"].values()) + sum(others)
        return answer


@pytest.fixture
def stream(
    sqlite_databases: Databases, kafka_server: str, kafka_prefix: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Stream]:
    monkeypatch.setenv("COACHLM_KAFKA_SERVERS", kafka_server)
    monkeypatch.setenv("COACHLM_KAFKA_PREFIX", kafka_prefix)
    monkeypatch.setenv("COACHLM_KAFKA_PARTITIONS", "1")
    ensure_topics(load_settings())
    stream = Stream(kafka_server.split(",")[0], kafka_prefix, sqlite_databases.new())
    yield stream
    stream.database.close()


def test_all_outcomes_balance(stream: Stream) -> None:
    assert stream.reconcile()["totals"]["produced"] == 0
    stream.produce(9)
    assert stream.reconcile()["totals"]["in_flight"] == 9
    source = f"{stream.raw}:0"
    pairs = [
        make_intake(make_pair(0), 0, source=source),
        make_intake(make_pair(0), 1, source=source),
        make_intake(make_pair(2), 2, source=source, exclusion=Exclusion(ExcludeReason.TOO_SHORT)),
    ]
    letter = DeadLetter(StreamMessage(stream.raw, 0, 4, None, b"{}"), DeadReason.UNREADABLE, "no shape")
    stream.store.commit_stream_intake(IntakeBatch(pairs, [make_reject(3, source=source)]), [letter])
    stream.commit(stream.raw, 5)
    answer = stream.reconcile()
    [part] = answer["partitions"]
    assert part["fates"] == {"accepted": 1, "duplicate": 1, "excluded": 1, "dead": 1, "rejected": 1}
    assert (part["produced"], part["in_flight"], answer["totals"]["accepted"]) == (9, 4, 1)
    assert (answer["coach"]["waiting"], answer["coach"]["in_outbox"]) == (1, 1)
    text = CliRunner().invoke(main, ["reconcile", "--db", stream.url]).stdout
    assert "9 produced = 1 accepted + 1 excluded + 1 duplicate + 1 dead + 1 rejected + 4 in flight" in text


def test_a_lost_message_is_named(stream: Stream) -> None:
    stream.produce(6)
    stream.accept(range(3))
    stream.accept(range(4, 6))
    stream.commit(stream.raw, 6)
    answer = stream.reconcile(exit_code=1)
    [part] = answer["partitions"]
    assert (part["missing"], part["missing_offsets"]) == (1, [3])
    result = CliRunner().invoke(main, ["reconcile", "--db", stream.url])
    assert result.exit_code == 1
    assert "offsets 3" in result.output
    stream.accept(range(6))  # brought again
    stream.reconcile()


def test_markers_of_transactions_are_no_losses(stream: Stream) -> None:
    stream.produce(2, transactional_id=f"{stream.prefix}writer")  # and a marker at offset 2
    stream.produce(2)
    stream.accept(range(2))
    stream.accept(range(3, 5))
    stream.commit(stream.raw, 5)
    [part] = stream.reconcile()["partitions"]
    assert (part["produced"], part["gaps"], part["missing"]) == (5, 1, 0)


def test_retention_after_the_fact_is_no_loss_and_before_it_is_one(stream: Stream) -> None:
    stream.produce(10)
    stream.accept(range(5))
    stream.commit(stream.raw, 5)
    stream.forget(4)
    assert stream.reconcile()["totals"]["in_flight"] == 5
    stream.forget(7)  # 5 and 6 were never handled
    answer = stream.reconcile(exit_code=1)
    [part] = answer["partitions"]
    assert (part["expired"], part["missing_offsets"], part["in_flight"]) == (2, [5, 6], 3)
    assert stream.reconcile("--since", "1h")["totals"]["produced"] == 3


def test_time_ranges(stream: Stream) -> None:
    stream.produce(3)
    stream.accept(range(3))
    stream.commit(stream.raw, 3)
    assert stream.reconcile("--since", "1h")["totals"]["accepted"] == 3
    assert stream.reconcile("--until", "2020-01-01")["totals"]["produced"] == 0
    assert stream.reconcile("--since", "2100-01-01")["totals"]["produced"] == 0
    assert stream.reconcile("--topic", "pairs.accepted")["partitions"] == []
    assert stream.reconcile("--topic", "logs.raw")["coach"] is None


def test_a_topic_made_anew_is_noticed(stream: Stream) -> None:
    stream.produce(1)
    stream.commit(stream.raw, 5)
    answer = stream.reconcile(exit_code=1)
    assert f"coachlm topics --made-anew {stream.raw}" in answer["problems"][0]


def test_accepted_pairs_on_their_way_and_stranded(stream: Stream) -> None:
    stream.produce(3)
    stream.accept(range(3))
    stream.commit(stream.raw, 3)
    stream.publish()
    assert stream.reconcile()["coach"] | {"in_flight": 3} == stream.reconcile()["coach"]
    DatabaseStore(stream.database).commit_intake(IntakeBatch([make_intake(record=7), make_intake(record=8)]))
    coach = stream.reconcile(exit_code=1)["coach"]
    assert (coach["waiting"], coach["in_flight"], coach["stranded"]) == (5, 3, 2)
    assert coach["stranded_pairs"] == [make_pair(7).id, make_pair(8).id]
    assert stream.reconcile("--repair")["coach"]["announced"] == 2
    assert stream.reconcile()["coach"]["in_outbox"] == 2
    stream.publish()
    stream.store.save_stream_revisions([make_revision(make_pair(0))], [])
    stream.commit(stream.accepted, 1, "revise")
    assert stream.reconcile()["coach"]["in_flight"] == 4
    stream.commit(stream.accepted, 5, "revise")  # and nothing was stored: four are lost, but for the database
    assert stream.reconcile(exit_code=1)["coach"]["stranded"] == 4
    assert stream.reconcile("--repair")["coach"]["announced"] == 4


def test_a_pair_that_its_topic_does_not_take_is_named(stream: Stream) -> None:
    """Not silently left out: a dead letter with its bytes, which replay brings to the coach once the limit is up."""
    stream.settings = stream.settings.replaced(max_record_bytes=1_000)
    stream.produce(2)
    source = f"{stream.raw}:0"
    pairs = [make_intake(make_pair(0, "x" * 1_200_000), 0, source=source), make_intake(make_pair(1), 1, source=source)]
    stream.store.commit_stream_intake(IntakeBatch(pairs), [])
    stream.commit(stream.raw, 2)
    stream.publish()
    coach = stream.reconcile()["coach"]
    assert (coach["waiting"], coach["in_flight"], coach["dead"], coach["stranded"]) == (2, 1, 1, 0)
    assert "coachlm dead list" in CliRunner().invoke(main, ["reconcile", "--db", stream.url]).output
    options = ["--reason", "too_large", "--topic", stream.accepted, "--db", stream.url, "--json"]
    replayed = CliRunner().invoke(main, ["dead", "replay", *options])
    assert json.loads(replayed.stdout) == {"replayed": 1, "refused": []}
    coach = stream.reconcile()["coach"]
    assert (coach["in_flight"], coach["dead"], coach["stranded"]) == (2, 0, 0)
