"""The adapter shipped with the bundled coach: what `coachlm train --base coach` makes of fresh damage to the text that
the base was trained on.

Whole pairs this time, read as the engine reads them, and each clean text once for each damaged one, to be left alone.
"""

import json
import random
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from assembly.coach_kinds import kind_of, load_tagger
from coachlm.coaching.model_facts import adapter_digest
from coachlm.machine.files import write_whole
from coachlm.pairs import InstructionPair
from recipes.coach.corpora import Part, misspellings, records
from recipes.coach.corruption import Damage, damaged_text
from recipes.coach.damage import damage
from reviser.coach.base import MANIFEST
from reviser.coach.bundle import ADAPTER, COACH
from reviser.coach.choosing import Limits
from reviser.coach.lexicon import Lexicon
from reviser.models.adapter import TRAINING_INSTRUCTIONS
from trainer.plan.recipe import Recipe
from trainer.plan.revisions import ExpertRevision, file_source
from trainer.run import train_coach
from trainer.tuning.tagger import is_for_limits

PAIRS = 34_000  # the training part about twice, damaged anew each time
RECIPE = Recipe(epochs=1, learning_rate=2e-3, rank=32, lora_alpha=32, lora_dropout=0.0)
_SEED = 11
_RULES_SHARE = 0.35  # of responses get the damage of `benchmarks.rules`, the others that of the base's training
_INSTRUCTIONS_SHARE = 0.3  # of instructions are damaged too
_SHARES = {None: 0.2, 0.04: 0.3, 0.1: 0.35, 0.18: 0.15}  # of the words, None: one word; how often


def tune_adapter(data: Path, base: Path, work: Path, lexicon: Lexicon) -> Path:
    """The folder of the adapter in `work`, as training wrote it; goes on where it was stopped."""
    lessons = work / "lessons.jsonl"
    if not lessons.exists():
        makes = Damage(lexicon, misspellings(data))
        lines = (_line(each) for each in revisions(data, makes, PAIRS))
        write_whole(lessons, "".join(lines).encode())
    kind = replace(kind_of(str(base)), load=lambda name, _: load_tagger(name, base))
    record = train_coach(COACH, file_source(lessons), work / "tuning", kind=kind, recipe=RECIPE, checkpoint_steps=200)
    return work / "tuning" / "adapters" / record.adapter


def revisions(data: Path, makes: Damage, count: int) -> Iterator[ExpertRevision]:
    """Pairs of the training part, damaged and clean. Those that training would keep back to find limits on are left
    out: here limits are found on the tuning part."""
    rng = random.Random(_SEED)
    pairs = [record.pair for record in records(data) if record.part is Part.TRAIN]
    made = 0
    while True:
        rng.shuffle(pairs)
        for pair in pairs:
            if is_for_limits(pair.instruction):
                continue
            raw = damaged(pair, makes, rng)
            if raw != pair:
                yield ExpertRevision(raw, pair)
                made += 1
            if made == count:
                return


def damaged(pair: InstructionPair, makes: Damage, rng: random.Random) -> InstructionPair:
    """Its instruction still isn't one to find limits on."""
    instruction = mixed(pair.instruction, makes, rng) if rng.random() < _INSTRUCTIONS_SHARE else pair.instruction
    instruction = pair.instruction if is_for_limits(instruction) else instruction
    of_rules = rng.random() < _RULES_SHARE
    response = damage(pair.response, rng) if of_rules else mixed(pair.response, makes, rng)
    return replace(pair, instruction=instruction, response=response)


def mixed(text: str, makes: Damage, rng: random.Random) -> str:
    [share] = rng.choices(list(_SHARES), list(_SHARES.values()))
    return damaged_text(text, makes, share or 1 / max(len(text.split()), 1), rng)


def ship(adapter: Path, base: Path, limits: Limits) -> None:
    """Puts the adapter beside its base, with limits of its own, and names it in the base's manifest.

    Without the hashes of what it learned: its leak guard has nothing to guard (`reviser.coach.bundle`).
    """
    target = base / ADAPTER
    shutil.rmtree(target, ignore_errors=True)
    ignored = shutil.ignore_patterns(TRAINING_INSTRUCTIONS)
    shutil.copytree(adapter, target, ignore=ignored, copy_function=shutil.copyfile)
    companion = _json(target / MANIFEST) | {"limits": {"first": limits.first, "further": limits.further}}
    _write(target / MANIFEST, companion)
    _write(base / MANIFEST, _json(base / MANIFEST) | {ADAPTER: adapter_digest(target)})


def _line(item: ExpertRevision) -> str:
    return json.dumps({"raw": item.raw.as_dict(), "revised": item.revised.as_dict()}) + "\n"


def _json(path: Path) -> dict[str, object]:
    return json.loads(path.read_text(encoding="utf-8"))


def _write(path: Path, content: Mapping[str, object]) -> None:
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
