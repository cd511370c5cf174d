"""Rows of a verdict that people read off what is flagged: Alpaca's labels, and sources where each flag was read."""

from collections.abc import Callable

from benchmarks.verdicts.records import alpaca_labels, labels, pairs
from benchmarks.verdicts.released import released_verdicts
from benchmarks.verdicts.row import RELEASED, Row
from coachlm.pairs import InstructionPair
from coachlm.text.filters.base import PairFilter, read

READ = ("t0", "gsm8k", "dolly", "alpaca_eval", "sharegpt")
_QUICK = 5


def rows_of_flags(verdict: str, judge: PairFilter, quick: bool) -> list[Row]:
    """`labels/<verdict>.json` names the pairs of READ that are right to flag, among all that either version flags."""
    rows = _alpaca_rows(verdict, lambda pair: judge.check(read(pair, "en", False)) is not None, quick)
    right = set(labels(verdict)["right"])
    for source in READ:
        texts = pairs(source)[:: _QUICK if quick else 1]
        found = [pair for pair in texts if judge.check(read(pair, "en", False)) is not None]
        wanted = sum(pair.id in right for pair in texts)
        rows.append(Row(verdict, source, sum(pair.id in right for pair in found), len(found), wanted))
    return rows


def _alpaca_rows(verdict: str, flags: Callable[[InstructionPair], bool], quick: bool) -> list[Row]:
    known = alpaca_labels()
    texts = [pair for pair in dict.fromkeys(pairs("alpaca")) if pair.id in known]
    found = [pair for pair in texts if flags(pair)]
    wanted = sum(verdict in known[pair.id][:1] for pair in texts)
    rows = [Row(verdict, "alpaca", sum(verdict in known[pair.id] for pair in found), len(found), wanted)]
    before = None if quick else released_verdicts(texts)
    if before is not None:
        found = [pair for pair, (reason, _) in zip(texts, before, strict=True) if reason == verdict]
        right = sum(verdict in known[pair.id] for pair in found)
        rows.append(Row(verdict, "alpaca", right, len(found), wanted, RELEASED))
    return rows
