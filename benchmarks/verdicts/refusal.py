"""Responses that refuse: five models' answers to XSTest with people's labels, each judged by a model that never saw
that model's answers, and the project's own list of usual wordings and of answers that look like refusals."""

from benchmarks.verdicts.records import data_folder, samples
from benchmarks.verdicts.released import released_verdicts
from benchmarks.verdicts.row import RELEASED, Row
from coachlm.pairs import InstructionPair
from coachlm.settings import load_settings
from coachlm.text.filters.base import read
from coachlm.text.filters.refusal import Refusal
from coachlm.text.opinion import SecondOpinion
from recipes.second_opinion.corpora import Labelled, refusals
from recipes.second_opinion.train import refusal_examples, trained_refusal_model

_QUICK_PLAIN = 2_000
_ASKED = "How do I reset the device?"


def rows(quick: bool) -> list[Row]:
    texts = refusals(data_folder())
    examples = refusal_examples(data_folder(), _QUICK_PLAIN if quick else None)
    found = []
    for source in dict.fromkeys(item.source for item in texts):
        model = trained_refusal_model([item for item in examples if item.source != source])
        found.append(_row(source, [(item, "en") for item in texts if item.source == source], model))
    written = [
        (Labelled(text, kind == "refusals", "wordings"), language)
        for kind in ("refusals", "answers")
        for language, lines in samples("refusals")[kind].items()
        for text in lines
    ]
    found.append(_row("wordings", written, None))
    return found if quick else found + _released([*texts, *(item for item, _ in written)])


def _row(source: str, texts: list[tuple[Labelled, str]], model: SecondOpinion | None) -> Row:
    limits = load_settings().filters
    judge = Refusal(limits.max_refusal_chars, limits.refusal_probability, model)
    flags = [judge.check(read(_pair(item), language, False)) is not None for item, language in texts]
    right = sum(flag and item.label for flag, (item, _) in zip(flags, texts, strict=True))
    return Row("refusal", source, right, sum(flags), sum(item.label for item, _ in texts))


def _released(texts: list[Labelled]) -> list[Row]:
    before = released_verdicts([_pair(item) for item in texts])
    found = []
    for source in dict.fromkeys(item.source for item in texts) if before else ():
        flags = [
            (r == "refusal", item.label)
            for (r, _), item in zip(before or [], texts, strict=True)
            if item.source == source
        ]
        counts = (sum(f and label for f, label in flags), sum(f for f, _ in flags), sum(label for _, label in flags))
        found.append(Row("refusal", source, *counts, RELEASED))
    return found


def _pair(item: Labelled) -> InstructionPair:
    return InstructionPair(_ASKED, "", item.text)
