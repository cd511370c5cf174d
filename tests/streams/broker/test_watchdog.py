"""When a worker counts as stalled, on figures made up for the purpose."""

from streams.broker.topics.lag import Lag
from streams.broker.worker.driver import Place
from streams.broker.worker.watchdog import Watchdog

SECONDS = 300.0


class Bench:
    """A watchdog whose clock and figures the test moves."""

    def __init__(self, *mine: int) -> None:
        self.mine: set[Place] = {("t", number) for number in mine}
        self.shown: list[Lag] = []
        self.dog = Watchdog(SECONDS, lambda: self.mine, list, self.shown.extend, lambda why: None)

    def look(self, now: float, **partitions: tuple[int | None, int]) -> str | None:
        """`p3=(committed, end)`."""
        lags = [Lag("g", "t", int(name[1:]), committed, 0, end) for name, (committed, end) in partitions.items()]
        return self.dog.look(lags, self.dog._progress + now)


def test_lag_without_progress_is_a_stall() -> None:
    bench = Bench(0)
    assert bench.look(0, p0=(5, 9)) is None
    assert bench.look(299, p0=(5, 9)) is None
    said = bench.look(301, p0=(5, 9))
    assert said is not None
    assert "t:0 (4 messages)" in said
    assert "300 s" in said


def test_a_worker_with_nothing_to_read_may_rest() -> None:
    bench = Bench(0)
    assert bench.look(0, p0=(9, 9)) is None
    assert bench.look(10_000, p0=(9, 9)) is None
    assert bench.look(10_010, p0=(9, 12)) is None
    assert bench.look(10_299, p0=(9, 12)) is None  # the time counts from the last look that saw nothing to read
    assert bench.look(10_301, p0=(9, 12)) is not None


def test_nothing_committed_yet_counts_too() -> None:
    bench = Bench(0)
    bench.look(0, p0=(None, 4))
    assert bench.look(301, p0=(None, 4)) is not None


def test_other_workers_partitions_do_not_count() -> None:
    bench = Bench(1)
    bench.look(0, p0=(5, 9), p1=(9, 9))
    assert bench.look(301, p0=(5, 9), p1=(9, 9)) is None
    assert {lag.partition for lag in bench.shown} == {1}


def test_a_partition_that_comes_back_starts_anew() -> None:
    bench = Bench(0)
    bench.look(0, p0=(5, 9))
    bench.mine.clear()
    bench.look(200, p0=(5, 9))
    bench.mine.add(("t", 0))
    assert bench.look(301, p0=(5, 9)) is None


def test_commits_to_the_database_are_progress_of_a_slow_batch() -> None:
    bench = Bench(0)
    began = bench.dog._progress
    bench.look(0, p0=(5, 9))
    bench.dog._progress = began + 200
    assert bench.look(101, p0=(5, 9)) is None  # 301 after the first look, 101 after the last commit
    assert bench.look(301, p0=(5, 9)) is not None


def test_waiting_for_what_is_known_to_be_away_is_no_stall() -> None:
    bench = Bench(0)
    bench.look(0, p0=(5, 9))
    bench.dog.outage(True)
    assert bench.look(10_000, p0=(5, 9)) is None
    bench.dog.outage(False)
    assert bench.look(0, p0=(5, 9)) is None
    assert bench.look(299, p0=(5, 9)) is None
    assert bench.look(301, p0=(5, 9)) is not None


def test_a_partition_that_is_left_out_of_many_batches_is_stalled() -> None:
    bench = Bench(0, 1)
    began = bench.dog._progress
    bench.look(0, p0=(5, 9), p1=(100, 5000))
    for _ in range(30):
        bench.dog.batch()
    bench.dog._progress = began + 301
    said = bench.look(0.5, p0=(5, 9), p1=(4000, 5000))
    assert said is not None
    assert "t:0" in said
    assert "t:1" not in said
