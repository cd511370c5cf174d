"""Judgements that others recorded: AlpacaEval, Arena-Hard, MT-Bench, Chatbot Arena, PandaLM and Vicuna reviews.

The candidate is the model that the file is about: `output_2` of AlpacaEval, `model` of Arena-Hard, `model_1` of
MT-Bench, `conversation_a` of Arena, the first answer of PandaLM and Vicuna. Texts that are not recorded are empty.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from coachlm.errors import InputError
from evaluation.judges.agreement import majority
from evaluation.judges.answers import AnswerError, read_pairwise
from evaluation.judges.judging import Comparison, Judgement, Verdict, length_bias, position_bias, win_rates
from evaluation.judges.run import JudgedSet
from evaluation.sets.test_sets import read_records

Record = Mapping[str, Any]
_NO_VERDICT = "no_verdict"


@dataclass(frozen=True, slots=True)
class Recorded:
    """One recorded judgement; `judgement` holds both ways round where both were asked, else the first alone."""

    judge: str
    comparison: Comparison
    judgement: Judgement
    both_ways: bool

    @property
    def verdict(self) -> Verdict | None:
        return self.judgement.merged if self.both_ways else self.judgement.shown_first


def read_recorded(path: Path) -> list[Recorded]:
    """Raises: InputError, when the file holds no judgements of a known shape."""
    found = read_records(path, _recorded)
    if not found:
        raise InputError(f"{path} holds no judgements")
    return found


def recorded_sets(found: Sequence[Recorded], seed: int = 0) -> list[JudgedSet]:
    """Each judge's rates; an answer without a verdict is counted and in none."""
    return [
        _set(name, [each for each in found if each.judge == name], seed) for name in Counter(r.judge for r in found)
    ]


def _set(name: str, found: Sequence[Recorded], seed: int) -> JudgedSet:
    verdicts = [each.verdict for each in found]
    comparisons = [each.comparison for each in found]
    missing = verdicts.count(None)
    return JudgedSet(
        judge=name,
        comparisons=len(found),
        rates=win_rates(verdicts, seed),
        position=position_bias([each.judgement for each in found if each.both_ways], seed),
        length=length_bias(comparisons, verdicts, seed),
        failures={_NO_VERDICT: missing} if missing else {},
        agreement=None,
    )


def _recorded(record: Record) -> Recorded:
    """Raises: ValueError, when the record has none of the known shapes."""
    for key, read in _SHAPES.items():
        if key in record:
            return read(record)
    raise ValueError(f"no recorded judgement: it holds none of {', '.join(_SHAPES)}")


def _alpaca_eval(record: Record) -> Recorded:
    """`preference` is 1 (the first output) to 2 (the second, the model's); weighted judges give what lies between."""
    value = record["preference"]
    verdict = None if value is None else _sign(float(value) - 1.5)
    texts = (record["instruction"], record.get("input") or "", record.get("output_2"), record.get("output_1"))
    return _one(str(record.get("annotator", "AlpacaEval")), verdict, *texts)


def _arena_hard(record: Record) -> Recorded:
    """In the first game the baseline is A, in the second the model."""
    games = [_GAMES.get(str(game.get("score"))) for game in record["games"]]
    second, first = (*games, None, None)[:2]
    judgement = Judgement(first, second and second.reversed())
    return Recorded(str(record.get("judge", "Arena-Hard")), _texts(record["question_id"]), judgement, both_ways=True)


def _mt_bench(record: Record) -> Recorded:
    first, second = (_WINNERS.get(str(record.get(name))) for name in ("g1_winner", "g2_winner"))
    judge = record.get("judge", "MT-Bench")
    name = "/".join(map(str, judge)) if isinstance(judge, list) else str(judge)
    return Recorded(name, _texts(record["question_id"]), Judgement(first, second), both_ways=True)


def _arena(record: Record) -> Recorded:
    one, other = record.get("conversation_a") or [], record.get("conversation_b") or []
    texts = (_said(one, "user"), "", _said(one, "assistant"), _said(other, "assistant"))
    return _one(str(record.get("judge", "people")), _WINNERS.get(str(record["winner"])), *texts)


def _pandalm(name: str) -> Callable[[Record], Recorded]:
    def read(record: Record) -> Recorded:
        return _one(name, _NUMBERS.get(str(record[name]).lower()), record.get("idx", ""))

    return read


def _labelled(record: Record) -> Recorded:
    people = [_NUMBERS[str(record[name]).lower()] for name in sorted(record) if name.startswith("annotator")]
    texts = (record["instruction"], record.get("input"), record.get("response1"), record.get("response2"))
    return _one("people", majority(people), *texts)


def _vicuna(record: Record) -> Recorded:
    """A review's first line holds both scores."""
    try:
        verdict = read_pairwise(str(record["text"])).verdict
    except AnswerError:
        verdict = None
    return _one("Vicuna review", verdict, record["question_id"])


_SHAPES: dict[str, Callable[[Record], Recorded]] = {
    "preference": _alpaca_eval,
    "games": _arena_hard,
    "g1_winner": _mt_bench,
    "winner": _arena,
    "pandalm_result": _pandalm("pandalm_result"),
    "gpt_result": _pandalm("gpt_result"),
    "annotator1": _labelled,
    "review_id": _vicuna,
}
"""By the key that only records of this shape hold."""

_WIN, _TIE, _LOSE = Verdict.WIN, Verdict.TIE, Verdict.LOSE
_NUMBERS = {"0": _TIE, "tie": _TIE, "1": _WIN, "2": _LOSE}
_WINNERS = {"model_1": _WIN, "model_2": _LOSE, "model_a": _WIN, "model_b": _LOSE}
_WINNERS |= {"tie": _TIE, "tie (bothbad)": _TIE}
_GAMES = {"A>B": _WIN, "A>>B": _WIN, "A=B": _TIE, "B=A": _TIE, "B>A": _LOSE, "B>>A": _LOSE}


def _one(judge: str, verdict: Verdict | None, *texts: object) -> Recorded:
    return Recorded(judge, _texts(*texts), Judgement(verdict, None), both_ways=False)


def _texts(instruction: object, *others: object) -> Comparison:
    material, candidate, reference = (*(str(each or "") for each in others), "", "", "")[:3]
    return Comparison(str(instruction), material, candidate, reference)


def _said(turns: Sequence[Mapping[str, Any]], role: str) -> str:
    return next((str(turn.get("content", "")) for turn in turns if turn.get("role") == role), "")


def _sign(difference: float) -> Verdict:
    return _TIE if not difference else _WIN if difference > 0 else _LOSE
