"""Runs the language-model coach over a set of revisions: its candidates once, from which most contenders follow."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
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
    samples: int = 2
    max_new_tokens: int = 512

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


def contenders(coach: Coach, pairs: Sequence[NamedPair], *, int8: bool = True) -> dict[str, Made]:
    """All that the tuned model's candidates tell, by name."""
    raws = [pair.raw for pair in pairs]
    settings = coach.settings(int8=int8, sampling_temperature=0.6 if coach.samples else 0.0)
    maker = CandidateMaker(build_reviser(settings), copy_editors(settings), Plan(coach.samples))
    began = time.process_time()
    made = maker.candidates(raws)
    chosen = choose_all(maker, coach.acceptance, raws, made)
    seconds = time.process_time() - began
    maker.close()
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


def likelihoods(base: str, adapter: Path, pairs: Sequence[NamedPair]) -> tuple[float, float]:
    """Mean nats a token of the experts' text, by the base alone and by the coach."""
    from trainer.scoring import pair_nll
    from trainer.tuning.base_model import load_base

    texts = [(pair.raw, pair.final) for pair in pairs if pair.final is not None]
    loaded = load_base(base)
    before = pair_nll(loaded, None, texts)  # before the adapter's layers are put in
    after = pair_nll(loaded, adapter, texts)
    return sum(before) / len(before), sum(after) / len(after)
