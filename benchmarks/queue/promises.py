"""Many client processes on one queue, as unkind to it as people and machines are; a judge over what each wrote down.

Clients claim by unit, by class or freely; submit, submit twice, submit what is another's, release, skip, sit on an item
until its lease is over and submit then, and are killed with an item in hands. An owner meanwhile returns and approves.
"""

import json
import os
import random
import signal
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from multiprocessing import get_context
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import func, select

from coachlm.desk.post_edit import Decision, PostEdit, Review
from coachlm.desk.work import ItemState, PersonRole, WorkItem
from coachlm.errors import ConflictError, DatabaseError, LeaseError
from coachlm.pairs import InstructionPair, TaskClass
from coachlm.status import Status
from devtools.seeding import Mix, seed
from storage.desk.queue import PostEditQueue
from storage.desk.rules import DeskRules
from storage.engine.database import Database, open_database
from storage.reading import StoreReader
from storage.review.desk import ReviewDesk
from storage.tables.desk import DraftRow, PostEditRow, QueueItemRow
from storage.tables.pairs import PairRow, PersonRow

Answer = TypeVar("Answer")
RULES = DeskRules(max_held_items=10_000, review_share=1.0)
PROCESSES = get_context("forkserver")  # fresh ones, without the connections of this one
PROCESSES.set_forkserver_preload(["benchmarks.queue.promises"])
_OWNER = "owner-of-all"
_CLASSES = tuple(TaskClass)
_ACTIONS = {"submit": 70, "twice": 6, "foreign": 4, "release": 8, "skip": 8, "late": 4}
_RETURNED_SHARE = 0.1


@dataclass(frozen=True, slots=True)
class Plan:
    """One run."""

    clients: int = 64
    items: int = 10_000
    killed: int = 8  # of the clients, each after some claims
    lease_seconds: int = 20
    idle_seconds: float = 2.0  # how long a client waits for items of others to come back, beyond the lease


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the judge found; every field but the first five must be 0."""

    hand_outs: int
    submitted: int
    returned: int
    refused: int  # late and foreign submits
    killed: int
    handed_out_twice: int  # moments at which two clients had the same item
    refused_but_lost: int  # refused texts that are no draft
    wrongly_accepted: int  # late or foreign submits that were taken
    retries_stored_twice: int
    lost_submits: int  # acknowledged texts that are not in the history
    extra_submits: int  # texts in the history that nobody was told of (but for killed clients)
    given_to_others: int  # returned items that went to somebody else
    left_over: int  # items that still wait, but for those returned to a killed client

    @property
    def broken(self) -> int:
        return sum(getattr(self, name) for name in tuple(self.__slots__)[5:])


def run_promises(url: str, plan: Plan, folder: Path) -> Verdict:
    """On a migrated, empty database; what the clients saw is written into `folder`."""
    database = open_database(url)
    seed(database, Mix(queued=plan.items), annotators=3)
    queue = PostEditQueue(database, plan.lease_seconds, rules=RULES)
    queue.ensure_person(_OWNER, PersonRole.OWNER)
    names = [f"client-{number:03}" for number in range(plan.clients)]
    for number, name in enumerate(names):
        queue.ensure_person(name, unit=None if number % 3 else _CLASSES[number // 3 % 3])
    database.close()
    processes = [
        PROCESSES.Process(target=_work, args=(url, name, number, plan, str(folder)))
        for number, name in enumerate(names)
    ]
    done = PROCESSES.Event()
    owner = PROCESSES.Process(target=_review, args=(url, done))
    for process in (owner, *processes):
        process.start()
    with ThreadPoolExecutor(len(processes)) as waiting:
        list(waiting.map(lambda process: process.join(), processes))
    done.set()
    owner.join()
    failed = [process.exitcode for process in (owner, *processes) if process.exitcode not in (0, -signal.SIGKILL)]
    if failed:
        raise RuntimeError(f"{len(failed)} clients failed; their tracebacks are above")
    database = open_database(url)
    try:
        return _judge(database, plan, [_read(folder / f"{name}.jsonl") for name in names])
    finally:
        database.close()


class _Client:
    """Writes down before and after what it does, so that a kill loses no evidence. Moments are the machine's clock."""

    def __init__(self, url: str, name: str, number: int, plan: Plan, folder: str) -> None:
        self._database = open_database(url)
        self._plan = plan
        self._name = name
        self._queue = PostEditQueue(self._database, plan.lease_seconds, rules=RULES)
        self._draw = random.Random(number)
        self._class = _CLASSES[number % 9 // 3] if number % 3 == 1 else None
        self._log = (Path(folder) / f"{name}.jsonl").open("a", encoding="utf-8")
        per_client = max(2, plan.items // plan.clients)
        self._claims_left = self._draw.randint(1, per_client // 2) if number < plan.killed else None
        self._stranger = f"client-{(number + 1) % plan.clients:03}"

    def work(self) -> None:
        idle_since = time.monotonic()
        while time.monotonic() - idle_since < self._plan.lease_seconds + self._plan.idle_seconds:
            before = time.monotonic()
            item = patiently(lambda: self._queue.claim(self._name, task_class=self._class))
            if item is None:
                time.sleep(0.5 + self._draw.random())
                continue
            self._note("claim", item, at=time.monotonic(), until=before + self._plan.lease_seconds)
            self._maybe_die()
            self._handle(item)
            idle_since = time.monotonic()
        self._database.close()

    def _maybe_die(self) -> None:
        if self._claims_left is None:
            return
        self._claims_left -= 1
        if not self._claims_left:
            os.kill(os.getpid(), signal.SIGKILL)

    def _handle(self, item: WorkItem) -> None:
        action = self._draw.choices(list(_ACTIONS), list(_ACTIONS.values()))[0]
        try:
            if action in ("release", "skip"):
                self._note(action, item, at=time.monotonic())
                give_back = self._queue.release if action == "release" else self._queue.skip
                patiently(lambda: give_back(item.token, self._name))
                return
            if action == "foreign":
                self._submit(item, "foreign", self._stranger)
            if action == "late":
                time.sleep(self._plan.lease_seconds + 0.3)
                self._submit(item, "late", self._name)
                return
            self._submit(item, "submit", self._name, again=action == "twice")
        except LeaseError:  # this machine was too slow for the lease
            self._note("expired", item)

    def _submit(self, item: WorkItem, kind: str, who: str, *, again: bool = False) -> None:
        """`late` and `foreign` ones must be refused."""
        text = f"{kind} of {who} under {item.token}"
        edit = PostEdit(item.pair_id, who, InstructionPair("Say who you are.", "", text), 30.0)
        sent: Any = {"token": item.token, "version": item.version, "idempotency_key": f"{kind}:{item.token}"}
        if kind == "submit":
            self._note("sending", item, at=time.monotonic(), text=text)
        try:
            receipt = patiently(lambda: self._queue.submit(edit, **sent))
        except (LeaseError, ConflictError):
            self._note("refused", item, text=text)
            return
        if kind != "submit":
            self._note("wrong", item, text=text)
            return
        self._note("submitted", item, text=text)
        if again and patiently(lambda: self._queue.submit(edit, **sent)) != receipt:
            self._note("other_receipt", item)

    def _note(self, what: str, item: WorkItem, **more: object) -> None:
        line = {
            "what": what,
            "pair": item.pair_id,
            "token": item.token,
            "who": self._name,
            "returned": item.status is Status.RETURNED,
            **more,
        }
        self._log.write(json.dumps(line) + "\n")
        self._log.flush()


def patiently(call: Callable[[], Answer]) -> Answer:
    """Again when the database is busy, as the HTTP client does: nothing was committed then."""
    while True:
        try:
            return call()
        except DatabaseError:
            time.sleep(0.2)


def _work(url: str, name: str, number: int, plan: Plan, folder: str) -> None:
    _Client(url, name, number, plan, folder).work()


def _review(url: str, done: "object") -> None:
    """Returns some, approves the rest, until the clients are done."""
    database = open_database(url)
    desk = ReviewDesk(database, rules=RULES)
    draw = random.Random(0)
    returned: set[str] = set()
    while not done.wait(0.05):  # pyright: ignore[reportAttributeAccessIssue]
        for item in patiently(lambda: desk.awaiting(_OWNER, limit=20)):
            is_return = item.pair_id not in returned and draw.random() < _RETURNED_SHARE
            decision = Decision.RETURN if is_return else Decision.APPROVE
            desk.review(
                Review(item.pair_id, _OWNER, decision, comment="Once more." if is_return else ""), version=item.version
            )
            if is_return:
                returned.add(item.pair_id)
    database.close()


def _read(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []


def _judge(database: Database, plan: Plan, logs: Sequence[list[dict[str, object]]]) -> Verdict:
    notes = [note for log in logs for note in log]
    by_kind = Counter(str(note["what"]) for note in notes)
    told = Counter(str(note["text"]) for note in notes if note["what"] == "submitted")
    sending = {str(note["text"]) for note in notes if note["what"] == "sending"}
    refused = {str(note["text"]) for note in notes if note["what"] == "refused"}
    with database.reading() as connection:
        stored = Counter(connection.scalars(select(PostEditRow.response)))
        drafts = set(connection.scalars(select(DraftRow.response)))
        authors = {
            (pair, name)
            for pair, name in connection.execute(
                select(PairRow.id, PersonRow.name)
                .join(PostEditRow, PostEditRow.pair == PairRow.seq)
                .join(PersonRow, PersonRow.id == PostEditRow.person)
            )
        }
        waiting = connection.scalar(
            select(func.count()).select_from(QueueItemRow).where(QueueItemRow.state != ItemState.RESERVED.value)
        )
    returned = [note for note in notes if note["what"] == "claim" and note["returned"]]
    counts = StoreReader(database).flow_counts().by_status
    assert sum(counts.values()) == plan.items, counts
    return Verdict(
        hand_outs=by_kind["claim"],
        submitted=stored.total(),
        returned=len(returned),
        refused=by_kind["refused"],
        killed=plan.killed,
        handed_out_twice=count_overlaps(notes),
        refused_but_lost=len(refused - drafts),
        wrongly_accepted=by_kind["wrong"],
        retries_stored_twice=by_kind["other_receipt"] + sum(count - 1 for count in stored.values()),
        lost_submits=len(set(told) - set(stored)),
        extra_submits=len(set(stored) - sending),
        given_to_others=sum((note["pair"], note["who"]) not in authors for note in returned),
        left_over=waiting or 0,
    )


def count_overlaps(notes: Sequence[dict[str, object]]) -> int:
    """Hand-outs of an item that begin while another client surely has it: from the moment its claim was answered to
    the moment it gave the item away, or its lease was surely not over."""
    ends: dict[str, float] = {}
    for note in notes:
        if note["what"] in ("release", "skip", "sending"):
            ends[str(note["token"])] = min(float(str(note["at"])), ends.get(str(note["token"]), float("inf")))
    held: defaultdict[str, list[tuple[float, float]]] = defaultdict(list)
    for note in notes:
        if note["what"] == "claim":
            until = min(float(str(note["until"])), ends.get(str(note["token"]), float("inf")))
            held[str(note["pair"])].append((float(str(note["at"])), until))
    twice = 0
    for spans in held.values():
        spans.sort()
        twice += sum(later[0] < earlier[1] for earlier, later in pairwise(spans))
    return twice
