"""Balances what the broker holds against what the database has."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from coachlm.errors import StreamError
from coachlm.protocols.streams import Topic
from coachlm.settings import Settings

if TYPE_CHECKING:
    from storage.engine.database import Database
    from storage.streams.reconciling import Outcomes, StreamAudit
    from streams.broker.topics.lag import Lag

_NAMED = 20


_READ_MESSAGES = 100_000  # to tell gaps from losses


@dataclass(frozen=True, slots=True)
class PartitionBalance:
    """produced = the sum of fates + in_flight + gaps + missing + expired: the offsets from start to before end."""

    topic: str
    partition: int
    start: int
    end: int
    committed: int | None
    fates: dict[str, int]
    in_flight: int
    gaps: int = 0  # offsets that never held a message for a reader
    missing: int = 0  # committed, in the topic, and without an outcome
    expired: int = 0  # without an outcome, and no more in the topic: deleted before they were handled, or gaps
    missing_offsets: list[int] = field(default_factory=list)  # the first ones, expired ones included
    made_anew: bool = False  # the committed offset lies beyond the topic's end

    @property
    def produced(self) -> int:
        return self.end - self.start

    @property
    def balances(self) -> bool:
        return not (self.missing or self.expired or self.made_anew)


@dataclass(frozen=True, slots=True)
class CoachBalance:
    """waiting = in_outbox + in_flight + dead + stranded, all of them accepted pairs."""

    waiting: int
    in_outbox: int
    in_flight: int
    dead: int  # their message is an open dead letter
    stranded: int  # nobody brings them to the coach
    stranded_pairs: list[str]  # the first ones
    announced: int = 0  # by --repair


def examine(
    settings: Settings,
    database: "Database",
    wanted: Sequence[Topic] = (Topic.RAW, Topic.ACCEPTED),
    since: datetime | None = None,
    until: datetime | None = None,
    *,
    repair: bool = False,
) -> tuple[list[PartitionBalance], CoachBalance | None, list[str]]:
    """The balances, and what is unaccounted for, each with what to do. Raises: StreamError."""
    from storage.streams.reconciling import StreamAudit
    from streams.broker.topics.lag import lags
    from streams.broker.topics.topics import topic_name

    behind = {one: _lags_of(topic_name(settings, one), lags(settings)) for one in wanted}
    audit = StreamAudit(database)
    partitions = _balances(settings, audit, behind[Topic.RAW], since, until) if Topic.RAW in behind else []
    coach = _coach(settings, audit, behind[Topic.ACCEPTED], repair) if Topic.ACCEPTED in behind else None
    return partitions, coach, _problems(partitions, coach)


def _lags_of(topic: str, behind: "Sequence[Lag]") -> "list[Lag]":
    """To be read before the database: what was committed by then is in it."""
    found = [lag for lag in behind if lag.topic == topic]
    if not found:
        raise StreamError(f"topic {topic} does not exist; create it: coachlm topics --create")
    return found


def _balances(
    settings: Settings, audit: "StreamAudit", raw: "Sequence[Lag]", since: datetime | None, until: datetime | None
) -> list[PartitionBalance]:
    from streams.broker.wire.offsets import offsets_at

    topic, numbers = raw[0].topic, [lag.partition for lag in raw]
    starts = None if since is None else offsets_at(settings, topic, numbers, since)
    ends = {} if until is None else offsets_at(settings, topic, numbers, until)
    found = []
    for lag in raw:
        end, start = ends.get(lag.partition), lag.first
        end = lag.end if end is None else min(end, lag.end)
        if starts is None:
            known = audit.first_offset(topic, lag.partition)
            start = lag.first if known is None else min(known, lag.first)
        elif (at := starts[lag.partition]) is not None:
            start = at
        else:
            start = lag.end
        found.append(_balance(settings, audit, lag, min(start, end), end))
    return found


def _balance(settings: Settings, audit: "StreamAudit", lag: "Lag", start: int, end: int) -> PartitionBalance:
    from streams.broker.wire.offsets import present

    handled = min(max(lag.committed or 0, lag.first, start), end)  # what the topic no longer holds nobody will handle
    outcomes = audit.outcomes(lag.topic, lag.partition, start, handled)
    expired = [_cut(one, 0, lag.first) for one in outcomes.missing if one.start < lag.first]
    unsure = [_cut(one, lag.first, one.stop) for one in outcomes.missing if one.stop > lag.first]
    absent = sum(map(len, unsure))
    held, all_read = present(settings, lag.topic, lag.partition, unsure, _READ_MESSAGES) if unsure else (0, True)
    missing = held if all_read else absent
    return PartitionBalance(
        lag.topic,
        lag.partition,
        start,
        end,
        lag.committed,
        {fate.name.lower(): count for fate, count in sorted(outcomes.fates.items())},
        in_flight=end - handled,
        gaps=absent - missing,
        missing=missing,
        expired=sum(map(len, expired)),
        missing_offsets=_first_offsets(outcomes) if missing or expired else [],
        made_anew=lag.committed is not None and lag.committed > lag.end,
    )


def _cut(one: range, start: int, stop: int) -> range:
    return range(max(one.start, start), min(one.stop, stop))


def _first_offsets(outcomes: "Outcomes") -> list[int]:
    return [offset for one in outcomes.missing[:_NAMED] for offset in one[:_NAMED]][:_NAMED]


def _coach(settings: Settings, audit: "StreamAudit", accepted: "Sequence[Lag]", repair: bool) -> CoachBalance:
    """The order matters: committed offsets were read first, then pairs (one snapshot), then the topic to its end. So a
    pair that was published before the snapshot, and not revised by then, is among the messages that are read."""
    from streams.broker.wire.offsets import keys_in_flight

    committed = {lag.partition: lag.first if lag.committed is None else lag.committed for lag in accepted}
    topic = accepted[0].topic
    with audit.unannounced(topic) as left:
        in_flight = sum(left.strike(keys) for keys in keys_in_flight(settings, topic, committed))
        stranded, some = left.count(), left.some(_NAMED)
        announced = left.announce() if repair else 0
        return CoachBalance(left.waiting, left.in_outbox, in_flight, left.dead, stranded, some, announced)


def _problems(partitions: Sequence[PartitionBalance], coach: CoachBalance | None) -> list[str]:
    """Each with what to do."""
    found = [problem for one in partitions for problem in _partition_problems(one)]
    if coach is not None and coach.stranded > coach.announced:
        found.append(
            f"{coach.stranded - coach.announced:,} accepted pairs are on no way to the coach (the first is "
            f"{coach.stranded_pairs[0]}); next: coachlm reconcile --repair"
        )
    return found


def _partition_problems(one: PartitionBalance) -> Iterator[str]:
    name, offsets = f"{one.topic}:{one.partition}", ", ".join(map(str, one.missing_offsets))
    if one.made_anew:
        yield (
            f"{name} ends before the committed offset {one.committed:,}: the topic was made anew, and its old offsets "
            f"are in the database; stop all stream workers, then run coachlm topics --made-anew {one.topic}"
        )
    if one.missing:
        yield (
            f"{name}: {one.missing:,} messages came to nothing (offsets {offsets}); stop the intake workers, set their "
            "group back to the first of them and start the workers again: nothing is stored twice"
        )
    if one.expired:
        yield (
            f"{name}: {one.expired:,} offsets that the topic no longer holds have no outcome (offsets {offsets}); "
            "produce these logs again and raise COACHLM_KAFKA_RETENTION_HOURS; --since leaves them out"
        )
