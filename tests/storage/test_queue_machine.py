"""Any interleaving of people, expiries, retries and stale submits keeps the queue's promises."""

from collections import defaultdict
from contextlib import suppress
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from sqlalchemy import select

from coachlm.desk.efficiency import Arm
from coachlm.desk.post_edit import Decision, Review
from coachlm.desk.work import ItemState, ReviewState, WorkItem
from coachlm.errors import AccessError, ConflictError, EmptyTextError, LeaseError, TransitionError
from coachlm.pairs import ExcludeReason, InstructionPair, TaskClass
from coachlm.status import TRANSITIONS, Status
from storage.desk.rules import DeskRules
from storage.engine.database import Database, open_database
from storage.figures.recount import rebuild_rollups
from storage.intake.store import DatabaseStore
from storage.reading import StoreReader
from storage.tables.desk import EventRow, LeaseRow, QueueItemRow, ReviewItemRow
from storage.tables.pairs import PairRow
from tests.databases import Databases
from tests.storage.factories import Clock, Desk, fill_queue, make_edit, make_revision, read_rollups

PEOPLE = st.sampled_from(["ada", "ben"])
MOSTLY = st.sampled_from([True, True, True, False])
SELDOM = st.sampled_from([False, False, False, True])
PAIRS = 4
LEASE_SECONDS = 100
UNDO_SECONDS = 60
RULES = DeskRules(
    undo_seconds=UNDO_SECONDS, max_held_items=2, control_share=0.4, review_share=0.5, review_trusted_share=0.5
)


class QueueMachine(RuleBasedStateMachine):
    """Keeps beside the queue a model of who holds what and which texts were acknowledged."""

    databases: Databases

    def __init__(self) -> None:
        super().__init__()
        self.database: Database = open_database(self.databases.new())
        self.clock = Clock()
        self.ids = fill_queue(self.database, PAIRS, self.clock)
        self.desk = Desk(self.database, self.clock, LEASE_SECONDS, RULES)
        self.arms: dict[str, Arm] = {}
        self.undone: set[int] = set()
        self.relabelled: dict[str, list[int]] = {}  # versions that a corrected class gave
        self.items: list[tuple[WorkItem, str]] = []  # every item ever handed out, with its holder
        self.holders: dict[str, tuple[str, str, Any]] = {}  # pair → (token, person, expiry): leases that are open
        self.texts: dict[str, set[InstructionPair]] = defaultdict(set)  # pair → texts that must be in its history
        self.submits: list[tuple[Any, str, int, str, Any]] = []  # what was acknowledged, to be sent again
        self.serial = 0

    def teardown(self) -> None:
        kept = read_rollups(self.database)
        rebuild_rollups(self.database)
        try:
            assert kept == read_rollups(self.database), "sums kept step by step differ from a recount"
        finally:
            self.database.close()

    def new_text(self, pair_id: str, person: str) -> Any:
        self.serial += 1
        return make_edit(pair_id, person, f"text {self.serial}")

    def holds(self, token: str, person: str) -> bool:
        return any(
            held == token and who == person and expiry > self.clock() for held, who, expiry in self.holders.values()
        )

    def draw_item(self, data: st.DataObject) -> tuple[WorkItem, str]:
        """Mostly one that is held: what is refused would drown the rest otherwise."""
        held = [(item, who) for item, who in self.items if self.holds(item.token, who)]
        return data.draw(st.sampled_from(held if held and data.draw(MOSTLY) else self.items))

    def version(self, pair_id: str) -> int:
        with self.database.reading() as connection:
            return connection.execute(select(PairRow.version).where(PairRow.id == pair_id)).scalar_one()

    @rule(person=PEOPLE)
    def claim(self, person: str) -> None:
        in_hands = sum(who == person and expiry > self.clock() for _, who, expiry in self.holders.values())
        try:
            item = self.desk.queue.claim(person)
        except LeaseError:
            assert in_hands >= RULES.max_held_items  # an undo may give one beyond the limit
            return
        assert in_hands < RULES.max_held_items
        if item is None:
            return
        held = self.holders.get(item.pair_id)
        assert held is None or held[2] <= self.clock(), "handed out while somebody holds it"
        assert self.arms.setdefault(item.pair_id, item.arm) is item.arm, "the arm of a pair changed"
        assert (item.revision is None) == (item.arm is Arm.CONTROL)
        self.holders[item.pair_id] = (item.token, person, item.expires_at)
        self.items.append((item, person))

    @precondition(lambda self: self.items)
    @rule(data=st.data(), as_other=SELDOM)
    def submit(self, data: st.DataObject, as_other: bool) -> None:
        item, holder = self.draw_item(data)
        person = ("ben" if holder == "ada" else "ada") if as_other else holder
        edit = self.new_text(item.pair_id, person)
        may = self.holds(item.token, person) and item.version == self.version(item.pair_id)
        try:
            receipt = self.desk.queue.submit(
                edit, token=item.token, version=item.version, idempotency_key=str(self.serial)
            )
        except (LeaseError, ConflictError):
            assert not may, "a good submit was refused"
        else:
            assert may, "a late, foreign or stale submit was accepted"
            del self.holders[item.pair_id]
            self.submits.append((edit, item.token, item.version, str(self.serial), receipt))
        self.texts[item.pair_id].add(edit.final)

    @precondition(lambda self: self.items)
    @rule(data=st.data())
    def submit_nothing(self, data: st.DataObject) -> None:
        item, holder = self.draw_item(data)
        self.serial += 1
        edit = make_edit(item.pair_id, holder, " \n" * self.serial)
        may = self.holds(item.token, holder) and item.version == self.version(item.pair_id)
        with suppress(LeaseError, ConflictError):
            try:
                self.desk.queue.submit(edit, token=item.token, version=item.version, idempotency_key=str(self.serial))
            except EmptyTextError:
                assert may
            else:
                raise AssertionError("an empty text was accepted")
        self.texts[item.pair_id].add(edit.final)

    @precondition(lambda self: self.submits)
    @rule(data=st.data())
    def send_again(self, data: st.DataObject) -> None:
        edit, token, version, key, receipt = data.draw(st.sampled_from(self.submits))
        try:
            assert self.desk.queue.submit(edit, token=token, version=version, idempotency_key=key) == receipt
        except ConflictError:
            assert receipt.post_edit in self.undone
        else:
            assert receipt.post_edit not in self.undone

    @precondition(lambda self: self.submits)
    @rule(data=st.data(), as_other=SELDOM)
    def undo(self, data: st.DataObject, as_other: bool) -> None:
        edit, _token, _version, _key, receipt = data.draw(st.sampled_from(self.submits[-2:]))
        person = ("ben" if edit.person == "ada" else "ada") if as_other else edit.person
        before = self.version(edit.pair_id)
        try:
            item = self.desk.queue.undo(person, edit.pair_id, receipt.post_edit)
        except ConflictError:
            return
        assert not as_other, "somebody took back another's submit"
        if receipt.post_edit in self.undone:
            assert self.holds(item.token, person), "a repeated undo gave an item that is not held"
            return
        relabelled = sum(version > receipt.version for version in self.relabelled.get(edit.pair_id, ()))
        assert before == receipt.version + relabelled, "a submit was taken back after somebody had acted on it"
        assert item.draft is not None
        assert item.draft.text == edit.final
        assert item.arm is self.arms[edit.pair_id]
        self.undone.add(receipt.post_edit)
        self.holders[item.pair_id] = (item.token, person, item.expires_at)
        self.items.append((item, person))

    @rule()
    def sweep(self) -> None:
        self.desk.reviews.approve_unsampled()

    @precondition(lambda self: self.items)
    @rule(data=st.data(), step=st.sampled_from(["heartbeat", "release", "skip", "draft", "send"]))
    def act(self, data: st.DataObject, step: str) -> None:
        item, holder = self.draw_item(data)
        person = holder if data.draw(MOSTLY) else data.draw(PEOPLE)
        may = self.holds(item.token, person)
        try:
            self.take_step(step, item, person)
        except LeaseError:
            assert not may, f"{step} was refused to the holder"
        else:
            assert may, f"{step} was accepted without a lease"

    def take_step(self, step: str, item: WorkItem, person: str) -> None:
        queue = self.desk.queue
        if step == "heartbeat":
            expiry = queue.heartbeat(item.token, person)
            self.holders[item.pair_id] = (item.token, person, expiry)
        elif step == "draft":
            text = self.new_text(item.pair_id, person).final
            queue.save_draft(item.pair_id, person, text, token=item.token)
        elif step == "send":
            queue.send_to_owner(item.token, person, "which colour?")
            del self.holders[item.pair_id]
        else:
            (queue.release if step == "release" else queue.skip)(item.token, person)
            del self.holders[item.pair_id]

    @rule(data=st.data(), decision=st.sampled_from(list(Decision)), stale=SELDOM)
    def review(self, data: st.DataObject, decision: Decision, stale: bool) -> None:
        pair_id = data.draw(st.sampled_from(self.ids))
        final = self.new_text(pair_id, "olga").final if decision is Decision.FIX else None
        version = self.version(pair_id) - stale
        try:
            self.desk.reviews.review(Review(pair_id, "olga", decision, final), version=version)
        except (ConflictError, TransitionError):
            return
        assert not stale
        if final is not None:
            self.texts[pair_id].add(final)

    @rule(data=st.data(), person=PEOPLE)
    def exclude(self, data: st.DataObject, person: str) -> None:
        pair_id = data.draw(st.sampled_from(self.ids))
        held = self.holders.get(pair_id)
        is_held_by_other = held is not None and held[1] != person and held[2] > self.clock()
        try:
            self.desk.queue.exclude(pair_id, person, ExcludeReason.MANUAL, version=self.version(pair_id))
        except LeaseError:
            assert is_held_by_other
        except (TransitionError, AccessError):
            return
        else:
            assert not is_held_by_other
            self.holders.pop(pair_id, None)

    @rule(data=st.data())
    def restore_and_revise(self, data: st.DataObject) -> None:
        pair_id = data.draw(st.sampled_from(self.ids))
        try:
            self.desk.reviews.restore(pair_id, "olga", version=self.version(pair_id))
        except TransitionError:
            return
        store = DatabaseStore(self.database, now=self.clock)
        assert store.save_revisions([make_revision(pair) for _, pair in store.awaiting_revision(9)]) == 1

    @rule(data=st.data(), task_class=st.sampled_from(list(TaskClass)))
    def correct_class(self, data: st.DataObject, task_class: TaskClass) -> None:
        pair_id = data.draw(st.sampled_from(self.ids))
        after = self.desk.reviews.correct_class(pair_id, task_class, "olga", version=self.version(pair_id))
        self.relabelled.setdefault(pair_id, []).append(after)

    @rule(data=st.data(), to=st.sampled_from(["ada", "ben", None]))
    def hand_over(self, data: st.DataObject, to: str | None) -> None:
        with suppress(ConflictError):
            self.desk.reviews.hand_over(data.draw(st.sampled_from(self.ids)), to, "olga")

    @rule(seconds=st.sampled_from([1, LEASE_SECONDS // 2, LEASE_SECONDS]))
    def wait(self, seconds: int) -> None:
        self.clock.turn(seconds)

    @invariant()
    def leases_and_queue_agree_with_the_model(self) -> None:
        with self.database.reading() as connection:
            opened = connection.execute(
                select(PairRow.id, LeaseRow.token, LeaseRow.expires_at)
                .join(PairRow, PairRow.seq == LeaseRow.pair)
                .where(LeaseRow.ended_at.is_(None))
            ).all()
            waiting = connection.execute(
                select(PairRow.id, PairRow.status, QueueItemRow.state, ReviewItemRow.state)
                .join(QueueItemRow, QueueItemRow.pair == PairRow.seq, isouter=True)
                .join(ReviewItemRow, ReviewItemRow.pair == PairRow.seq, isouter=True)
            ).all()
        assert {row.id: row.token for row in opened if row.expires_at > self.clock()} == {
            pair_id: token for pair_id, (token, _who, expiry) in self.holders.items() if expiry > self.clock()
        }
        for pair_id, status, state, review in waiting:
            assert (review in (ReviewState.WAITING, ReviewState.PASSING)) == (status == Status.POST_EDITED)
            assert (review == ReviewState.SENT) == (state == ItemState.SENT)
            assert (state is not None) == (status in (Status.REVISED, Status.RETURNED)), (pair_id, status, state)
            assert (state == ItemState.LEASED) == any(row.id == pair_id for row in opened)

    @invariant()
    def every_acknowledged_text_is_in_the_history(self) -> None:
        for pair_id, texts in self.texts.items():
            assert texts <= {entry.text for entry in StoreReader(self.database).history(pair_id)}

    @invariant()
    def statuses_changed_only_as_the_table_allows(self) -> None:
        with self.database.reading() as connection:
            events = connection.execute(
                select(EventRow.pair, EventRow.from_status, EventRow.to_status).order_by(EventRow.id)
            ).all()
            statuses = dict(connection.execute(select(PairRow.seq, PairRow.status)).all())
        at: dict[int, str] = dict.fromkeys(statuses, Status.ACCEPTED.value)
        for pair, before, after in events:
            assert at[pair] == before
            assert before == after or Status(after) in TRANSITIONS[Status(before)]
            at[pair] = after
        assert at == statuses


@pytest.mark.slow
def test_any_interleaving_keeps_the_promises(databases: Databases):
    machine = type("Machine", (QueueMachine,), {"databases": databases})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=20, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
