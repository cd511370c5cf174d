"""Fakes that stand in for the rooms' engines in anybody's tests."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from coachlm.errors import EngineError, StoreError
from coachlm.pairs import InstructionPair, Position, Reject
from coachlm.protocols.intake import IntakeBatch, IntakeCounts, IntakePair, Progress
from coachlm.protocols.streams import Announcement, DeadLetter, Send, Topic
from coachlm.revision import Outcome, Revision

Script = Callable[[InstructionPair], InstructionPair | str]


class FakeReviser:
    """A `Reviser` that does as its script says: a pair is the revision, a text the reason why it fell back.

    An exception of the script fails the whole batch, as EngineError. `calls` keeps every batch that was asked for.
    """

    def __init__(self, script: Script, *, name: str = "fake", adapter: str | None = None) -> None:
        self._script = script
        self._name = name
        self._adapter = adapter
        self.calls: list[list[InstructionPair]] = []
        self.closed = False

    @property
    def name(self) -> str:
        return self._name

    @property
    def adapter(self) -> str | None:
        return self._adapter

    def revise(self, pairs: Sequence[InstructionPair]) -> list[Revision]:
        self.calls.append(list(pairs))
        try:
            return [self._revision(raw, self._script(raw)) for raw in pairs]
        except Exception as error:
            raise EngineError(f"the script failed: {error}") from error

    def close(self) -> None:
        self.closed = True

    def _revision(self, raw: InstructionPair, answer: InstructionPair | str) -> Revision:
        if isinstance(answer, str):
            outcome, revised, reason = Outcome.FALLBACK_INVALID, raw, answer
        else:
            outcome = Outcome.UNCHANGED if answer.says_the_same(raw) else Outcome.REVISED
            revised, reason = (raw if outcome is Outcome.UNCHANGED else answer), None
        return Revision(raw.id, revised, outcome, self._name, self._adapter, reason)


class FakeStreamStore:
    """A `StreamStore` in memory: no near copies, nothing durable. Set `failing` to have every call raise it."""

    def __init__(self) -> None:
        self.pairs: dict[str, IntakePair] = {}  # the first of each id
        self.rejects: dict[tuple[Position, str], Reject] = {}
        self.dead: dict[tuple[str, int], DeadLetter] = {}  # by source and offset
        self.revisions: dict[str, Revision] = {}
        self.outbox: list[Announcement] = []
        self.commits = 0
        self.failing: StoreError | None = None
        self._occurrences: set[tuple[str, Position]] = set()
        self._progress: dict[str, Progress] = {}
        self._announced = 0
        self._topics: dict[str, str] = {}

    def commit_intake(self, batch: IntakeBatch) -> IntakeCounts:
        return self.commit_stream_intake(batch, ())

    def commit_stream_intake(self, batch: IntakeBatch, dead: Sequence[DeadLetter]) -> IntakeCounts:
        self._check()
        self.commits += 1
        counts: Counter[str] = Counter()
        for item in batch.pairs:
            counts[self._take(item)] += 1
        fresh = {(reject.position, reject.reason.value): reject for reject in batch.rejects}
        fresh = {place: reject for place, reject in fresh.items() if place not in self.rejects}
        self.rejects |= fresh
        self._progress |= {one.source: one for one in batch.progress}
        self._bury(dead)
        return IntakeCounts(
            accepted=counts["accepted"],
            excluded=counts["excluded"],
            exact_duplicates=counts["repeat"],
            rejected=len(fresh),
        )

    def progress(self, source: str) -> Progress | None:
        self._check()
        return self._progress.get(source)

    def awaiting_revision(self, limit: int) -> list[tuple[str, InstructionPair]]:
        waiting = self.still_accepted(self.pairs)
        return [(name, item.sourced.pair) for name, item in self.pairs.items() if name in waiting][:limit]

    def still_accepted(self, pair_ids: Iterable[str]) -> set[str]:
        self._check()
        accepted = {name for name, item in self.pairs.items() if item.exclusion is None}
        return accepted.intersection(pair_ids) - self.revisions.keys()

    def save_revisions(self, revisions: Sequence[Revision]) -> int:
        return self.save_stream_revisions(revisions, ())

    def save_stream_revisions(self, revisions: Sequence[Revision], dead: Sequence[DeadLetter]) -> int:
        waiting = self.still_accepted([revision.pair_id for revision in revisions])
        self.commits += 1
        fresh = {revision.pair_id: revision for revision in revisions if revision.pair_id in waiting}
        self.revisions |= fresh
        for name, revision in fresh.items():
            self._announce(Topic.REVISED, name, _revised_body(revision))
        self._bury(dead)
        return len(fresh)

    def publish(self, limit: int, send: Send) -> int:
        self._check()
        rows = self.outbox[:limit]
        refused = send(rows) if rows else None
        del self.outbox[: len(rows)]
        self._bury(refused or ())
        return len(rows)

    def remember_topics(self, ids: Mapping[str, str]) -> dict[str, str]:
        self._check()
        self._topics = {**ids, **self._topics}
        return {topic: self._topics[topic] for topic, number in ids.items() if self._topics[topic] != number}

    def outbox_rows(self) -> int:
        self._check()
        return len(self.outbox)

    def _check(self) -> None:
        if self.failing is not None:
            raise self.failing

    def _take(self, item: IntakePair) -> str:
        pair, place = item.sourced.pair, item.sourced.provenance.position
        if (pair.id, place) in self._occurrences:
            return "known"
        self._occurrences.add((pair.id, place))
        if pair.id in self.pairs:
            return "repeat"
        self.pairs[pair.id] = item
        if item.exclusion is not None:
            detail = {"reason": item.exclusion.reason.value, "detail": item.exclusion.detail}
            self._announce(Topic.EXCLUDED, pair.id, {"pair": pair.id, **detail})
            return "excluded"
        texts = {"instruction": pair.instruction, "input": pair.input, "response": pair.response}
        self._announce(Topic.ACCEPTED, pair.id, {"pair": pair.id, **texts, "task_class": item.task_class})
        return "accepted"

    def _bury(self, dead: Sequence[DeadLetter]) -> None:
        for letter in dead:
            place = (letter.message.source, letter.message.offset)
            if place not in self.dead:
                self.dead[place] = letter
                self._announce(Topic.DEAD, f"{place[0]}:{place[1]}", _dead_body(letter, len(self.dead)))

    def _announce(self, topic: Topic, key: str, body: dict[str, Any]) -> None:
        self._announced += 1
        self.outbox.append(Announcement(self._announced, topic, key, body))


def _revised_body(revision: Revision) -> dict[str, Any]:
    pair = revision.revised
    texts = {"instruction": pair.instruction, "input": pair.input, "response": pair.response}
    return {"pair": revision.pair_id, **texts, "outcome": revision.outcome.value, "engine": revision.engine}


def _dead_body(letter: DeadLetter, number: int) -> dict[str, Any]:
    message = letter.message
    place = {"topic": message.topic, "partition": message.partition, "offset": message.offset}
    return {"dead_letter": number, **place, "reason": letter.reason.value, "error": letter.error, "tries": letter.tries}
