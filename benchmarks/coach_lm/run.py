"""Runs the language-model coach over a set of revisions: its candidates once, from which most contenders follow."""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from benchmarks.coach_lm.figures import Made
from coachlm.acceptance.candidates import Origin
from coachlm.acceptance.model import AcceptanceModel
from coachlm.pairs import InstructionPair
from coachlm.settings import Settings, load_settings
from coachlm.settings.acceptance import OFF
from recipes.coach_lm.pairs import NamedPair
from reviser.choosing.building import copy_editors
from reviser.choosing.candidates import CandidateMaker, Plan
from reviser.choosing.reviser import choose_all
from reviser.engines import build_reviser

ACCEPTED = "tuned, accepted"
GREEDY = "tuned, without acceptance"
COPY_EDITOR = "copy-editor"
RULES = "rules"
INSTRUCTED = "base, by instruction alone"
_ORIGINS = {Origin.GREEDY: GREEDY, Origin.COPY_EDITED: COPY_EDITOR, Origin.RULES: RULES}


@dataclass(frozen=True, slots=True)
class Coach:
    """What is measured."""

    base: str
    adapter: str
    acceptance: AcceptanceModel
    samples: int = 0
    max_new_tokens: int = 384

    def settings(self, engine: str = "packed", *, int8: bool = True, **others: Any) -> Settings:
        chosen: dict[str, Any] = {
            "engine": engine,
            "model": self.base,
            "adapter": self.adapter,
            "reviser_int8": int8,
            "max_new_tokens": self.max_new_tokens,
            "accept_model": OFF,
        }
        return load_settings(**(chosen | others))


def contenders(coach: Coach, sets: Mapping[str, Sequence[NamedPair]]) -> dict[str, dict[str, Made]]:
    """All that the tuned model's candidates tell, by set and name; the engine is loaded once."""
    settings = coach.settings(sampling_temperature=0.6 if coach.samples else 0.0)
    maker = CandidateMaker(build_reviser(settings), copy_editors(settings), Plan(coach.samples))
    found = {name: _contenders(coach, maker, [pair.raw for pair in pairs]) for name, pairs in sets.items()}
    maker.close()
    return found


def _contenders(coach: Coach, maker: CandidateMaker, raws: Sequence[InstructionPair]) -> dict[str, Made]:
    began = time.process_time()
    made = maker.candidates(raws)
    chosen = choose_all(maker, coach.acceptance, raws, made)
    seconds = time.process_time() - began
    found = {ACCEPTED: Made(raws, chosen, seconds)}
    for place, each in enumerate(made[0] if made else ()):
        if (name := _ORIGINS.get(each.origin)) is not None:
            found[name] = Made(raws, [own[place].revision for own in made])
    return found


def instructed(coach: Coach, pairs: Sequence[NamedPair]) -> Made:
    """The base without the adapter, asked in its chat template."""
    return timed(coach.settings(adapter=None), [pair.raw for pair in pairs])


def timed(settings: Settings, raws: Sequence[InstructionPair]) -> Made:
    """By an engine as it is set, its loading not counted."""
    engine = build_reviser(settings)
    began = time.process_time()
    revisions = engine.revise(raws)
    seconds = time.process_time() - began
    engine.close()
    return Made(raws, revisions, seconds)


def likelihoods(coach: Coach, sets: Mapping[str, Sequence[NamedPair]]) -> dict[str, tuple[float, float]]:
    """By set, mean nats a token of the experts' text: by the base alone and by the coach; the base is loaded once."""
    from trainer.scoring import pair_nll
    from trainer.tuning.base_model import load_base

    base = load_base(coach.base)
    texts = {name: [(pair.raw, pair.final) for pair in pairs if pair.final] for name, pairs in sets.items()}
    every = [text for own in texts.values() for text in own]
    before = iter(pair_nll(base, None, every))  # before the adapter's layers are put in
    after = iter(pair_nll(base, Path(coach.adapter), every))
    return {name: (_mean(before, len(own)), _mean(after, len(own))) for name, own in texts.items()}


def _mean(values: Iterator[float], count: int) -> float:
    """Of the next so many."""
    return sum(islice(values, count)) / count
