"""Unsafe texts of four labelled sources: the rules, and the model as it judges folds (and whole sources) it never saw.

`unsafe` is the verdict in force: a rule, or a cross-validated probability from the threshold on. `unsafe_new_source`
leaves the whole source out of training. `unsafe_false_alarms` are flags in plain texts by the shipped model.
"""

import numpy as np

from benchmarks.verdicts.records import data_folder, pairs
from benchmarks.verdicts.released import released_verdicts
from benchmarks.verdicts.row import RELEASED, Row
from coachlm.pairs import InstructionPair
from coachlm.settings import load_settings
from coachlm.text.filters.base import read
from coachlm.text.filters.safety import Safety
from recipes.second_opinion.corpora import Labelled, unsafe_texts
from recipes.second_opinion.train import (
    UNSAFE_C,
    calibrate,
    cross_validated,
    fit,
    unsafe_examples,
    unsafe_table,
)

_PLAIN = ("dolly", "gsm8k")
_QUICK_PLAIN = 2_000


def rows(quick: bool) -> list[Row]:
    settings = load_settings().filters
    by_rule = Safety(settings.max_profanities, unsafe_probability=1.0)
    texts = unsafe_texts(data_folder())
    fired = np.array([by_rule.check(read(_pair(item), "en", False)) is not None for item in texts])
    examples = unsafe_examples(data_folder(), _QUICK_PLAIN if quick else None)
    evidence = cross_validated(examples, unsafe_table, UNSAFE_C)
    found = _rows("unsafe", texts, fired | _over(texts, examples, evidence, settings.unsafe_probability))
    if not quick:
        scale, shift = calibrate(evidence, examples)
        unseen = _unseen_sources(examples, scale, shift)
        found += _rows("unsafe_new_source", texts, fired | _over_known(texts, unseen, settings.unsafe_probability))
        before = released_verdicts([_pair(item) for item in texts])
        if before is not None:
            found += _rows("unsafe", texts, np.array([reason == "safety" for reason, _ in before]), RELEASED)
    return found + _false_alarms(Safety(settings.max_profanities, settings.unsafe_probability), quick)


def _pair(item: Labelled) -> InstructionPair:
    return InstructionPair(item.text, "", "Yes.")


def _over(texts: list[Labelled], examples: list[Labelled], evidence: np.ndarray, threshold: float) -> np.ndarray:
    scale, shift = calibrate(evidence, examples)
    shares = 1 / (1 + np.exp(-(scale * evidence + shift)))
    return _over_known(texts, {item.text: share for item, share in zip(examples, shares, strict=True)}, threshold)


def _over_known(texts: list[Labelled], shares: dict[str, float], threshold: float) -> np.ndarray:
    """A text without an alarming word is no example, and nothing is asked about it."""
    return np.array([shares.get(item.text, 0.0) >= threshold for item in texts])


def _unseen_sources(examples: list[Labelled], scale: float, shift: float) -> dict[str, float]:
    table, shares = unsafe_table(examples), {}
    sources = np.array([item.source for item in examples])
    for source in {item.source for item in examples if item.label} - {"seeds"}:
        evidence = fit(examples, table, UNSAFE_C, sources != source).evidence(table)
        for place in np.flatnonzero(sources == source):
            shares[examples[place].text] = 1 / (1 + np.exp(-(scale * evidence[place] + shift)))
    return shares


def _rows(verdict: str, texts: list[Labelled], flags: np.ndarray, rules: str = "now") -> list[Row]:
    found = []
    for source in dict.fromkeys(item.source for item in texts):
        here = np.array([item.source == source for item in texts])
        label = np.array([item.label for item in texts])
        counts = (int((here & flags & label).sum()), int((here & flags).sum()), int((here & label).sum()))
        found.append(Row(verdict, source, *counts, rules))
    return found


def _false_alarms(judge: Safety, quick: bool) -> list[Row]:
    rows = []
    for source in _PLAIN:
        texts = pairs(source)[:: 10 if quick else 1]
        flagged = sum(judge.check(read(pair, "en", False)) is not None for pair in texts)
        rows.append(Row("unsafe_false_alarms", source, flagged, len(texts)))
    return rows
