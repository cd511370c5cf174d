"""Any interleaving of deliveries, repeats, relays and crashes: one row a pair, every announcement at least once."""

from collections import Counter
from collections.abc import Sequence

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from sqlalchemy import func, select

from coachlm.pairs import ExcludeReason, Exclusion
from coachlm.protocols.intake import IntakeBatch, IntakePair
from coachlm.protocols.streams import Announcement, DeadLetter, DeadReason, StreamMessage, Topic
from coachlm.status import Status
from storage.engine.database import Database, open_database
from storage.streams.reconciling import StreamAudit
from storage.streams.store import DatabaseStreamStore
from storage.tables.desk import RevisionRow
from storage.tables.pairs import OccurrenceRow, PairRow
from storage.tables.streams import DeadLetterRow, OutboxRow
from tests.databases import Databases
from tests.storage.factories import Clock, Desk, make_intake, make_pair, make_revision

OFFSETS = 12
BATCHES = st.tuples(st.integers(0, OFFSETS - 1), st.integers(1, 5))
POISON = {3, 8}  # messages that nobody can read
EXCLUDED = {5}
TEXTS = {offset: offset % 9 for offset in range(OFFSETS)}  # the last ones repeat the first ones' texts


class Crash(Exception):
    pass


class StreamMachine(RuleBasedStateMachine):
    """Keeps beside the store which messages were committed, which pairs were revised and what was published."""

    databases: Databases

    def __init__(self) -> None:
        super().__init__()
        self.database: Database = open_database(self.databases.new())
        self.clock = Clock()
        self.store = DatabaseStreamStore(self.database, now=self.clock)
        self.desk = Desk(self.database, self.clock)
        self.committed: set[int] = set()
        self.revised: Counter[str] = Counter()
        self.restored: Counter[str] = Counter()
        self.received: Counter[tuple[Topic, str]] = Counter()  # by whoever reads the topics

    def teardown(self) -> None:
        self.settle()
        self.database.close()

    @rule(batch=BATCHES)
    def deliver(self, batch: tuple[int, int]) -> None:
        self.store.commit_stream_intake(*self.arrivals(batch))
        self.committed.update(self.offsets(batch))

    @rule(batch=BATCHES)
    def fail_while_storing(self, batch: tuple[int, int]) -> None:
        """The batch is announced, and then the transaction doesn't hold."""
        pairs, dead = self.arrivals(batch)
        spoilt = DeadLetter(StreamMessage("x", 0, 0, None, b""), DeadReason.FAILED, "", tries=2**80)
        try:
            self.store.commit_stream_intake(pairs, [*dead, spoilt])
        except Exception:
            return
        raise AssertionError("a number that no column holds was stored")

    @rule(data=st.data())
    def revise(self, data: st.DataObject) -> None:
        """Whatever the topic brought, some of it again and again."""
        brought = sorted(key for topic, key in self.received if topic is Topic.ACCEPTED)
        if not brought:
            return
        some = data.draw(st.lists(st.sampled_from(brought), max_size=4))
        waiting = self.store.still_accepted(some)
        by_id = {make_pair(text).id: make_pair(text) for text in TEXTS.values()}
        revisions = [make_revision(by_id[key]) for key in dict.fromkeys(some)]
        assert self.store.save_stream_revisions(revisions, []) == len(waiting)
        self.revised.update(waiting)

    @rule(limit=st.integers(1, 6), dies=st.sampled_from(["no", "before", "after"]))
    def publish(self, limit: int, dies: str) -> None:
        def send(announcements: Sequence[Announcement]) -> None:
            if dies == "before":
                raise Crash
            self.received.update((one.topic, one.key) for one in announcements)
            if dies == "after":
                raise Crash

        try:
            self.store.publish(limit, send)
        except Crash:
            assert dies != "no"

    @rule()
    def restore(self) -> None:
        for offset in EXCLUDED & self.committed:
            pair_id = make_pair(TEXTS[offset]).id
            with self.database.reading() as connection:
                status, version = connection.execute(
                    select(PairRow.status, PairRow.version).where(PairRow.id == pair_id)
                ).one()
            if status == Status.EXCLUDED:
                self.desk.reviews.restore(pair_id, "olga", version=version)
                self.restored[pair_id] += 1

    def offsets(self, batch: tuple[int, int]) -> range:
        return range(batch[0], min(batch[0] + batch[1], OFFSETS))

    def arrivals(self, batch: tuple[int, int]) -> tuple[IntakeBatch, list[DeadLetter]]:
        offsets = self.offsets(batch)
        dead = [
            DeadLetter(StreamMessage("logs.raw", 0, offset, None, b"?"), DeadReason.UNREADABLE, "no shape")
            for offset in offsets
            if offset in POISON
        ]
        return IntakeBatch([self.intake(offset) for offset in offsets if offset not in POISON]), dead

    def intake(self, offset: int) -> IntakePair:
        excluded = Exclusion(ExcludeReason.TOO_SHORT) if offset in EXCLUDED else None
        return make_intake(make_pair(TEXTS[offset]), offset, source="logs.raw:0", exclusion=excluded)

    @invariant()
    def one_row_for_each(self) -> None:
        good = self.committed - POISON
        wanted = {
            PairRow: len({TEXTS[offset] for offset in good}),
            OccurrenceRow: len(good),
            DeadLetterRow: len(self.committed & POISON),
            RevisionRow: self.revised.total(),
        }
        with self.database.reading() as connection:
            for entity, count in wanted.items():
                assert connection.scalar(select(func.count()).select_from(entity)) == count, entity
        assert set(self.revised.values()) <= {1}

    @invariant()
    def every_committed_offset_has_an_outcome(self) -> None:
        missing = {
            offset for one in StreamAudit(self.database).outcomes("logs.raw", 0, 0, OFFSETS).missing for offset in one
        }
        assert missing == set(range(OFFSETS)) - self.committed

    def settle(self) -> None:
        """In the end, with a relay that lives, everybody has heard of everything."""
        while self.store.publish(5, lambda new: self.received.update((one.topic, one.key) for one in new)):
            pass
        first = {}
        for offset in sorted(self.committed - POISON):
            first.setdefault(TEXTS[offset], offset)
        heard: dict[Topic, set[str]] = {topic: set() for topic in Topic}
        for topic, key in self.received:
            heard[topic].add(key)
        ids = {offset: make_pair(TEXTS[offset]).id for offset in first.values()}
        accepted = {key for offset, key in ids.items() if offset not in EXCLUDED} | set(self.restored)
        assert heard[Topic.ACCEPTED] == accepted
        assert heard[Topic.REVISED] == set(self.revised)
        set_aside = {key for offset, key in ids.items() if offset in EXCLUDED}
        assert set_aside - set(self.restored) <= heard[Topic.EXCLUDED] <= set_aside
        assert heard[Topic.DEAD] == {f"logs.raw:0:{offset}" for offset in self.committed & POISON}
        with self.database.reading() as connection:
            assert connection.scalar(select(func.count()).select_from(OutboxRow)) == 0


@pytest.mark.slow
def test_any_interleaving_keeps_the_promises(databases: Databases) -> None:
    machine = type("Machine", (StreamMachine,), {"databases": databases})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=10, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
