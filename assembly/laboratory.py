"""Makes students for a comparison: puts expert revisions, ratings, scorer, engines and the trainer together."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from assembly.data_sets import read_pairs
from coachlm.coaching.engines import check_revises
from coachlm.errors import InputError, SettingsError
from coachlm.pairs import InstructionPair
from coachlm.settings import load_settings
from coachlm.text.distance import pair_distances

if TYPE_CHECKING:
    from evaluation.students.config import Arm, Comparison
    from trainer.generation import CausalGenerator
    from trainer.plan.run_folder import StepMetrics

_ENGINE_PAIRS = 256


class StudentLaboratory:
    """See `evaluation.students.stages.Laboratory`."""

    def __init__(self, config: Comparison, on_step: Callable[[StepMetrics], None] = lambda _: None) -> None:
        self._config = config
        self._on_step = on_step
        self._loaded: tuple[Path, CausalGenerator] | None = None

    def digests(self, arm: Arm) -> Mapping[str, str]:
        """A database or hub id counts by its name alone."""
        names = (arm.data, arm.experts, arm.ratings, arm.adapter)
        return {name: _digest(Path(name)) for name in names if name and "://" not in name}

    def data(self, arm: Arm, counts: dict[str, int]) -> Iterator[InstructionPair]:
        counts["read"] = 0
        pairs = _merged(arm, counts) if arm.experts else islice(_read(arm, counts), arm.limit or None)
        if arm.ratings:
            pairs = _rated(pairs, arm, counts)
        if arm.keep_best_share < 1:
            pairs = iter(_best(list(pairs), arm.keep_best_share, counts))
        return _revised(pairs, arm, counts) if arm.engine else pairs

    def train(self, arm: Arm, data: Path, seed: int, folder: Path) -> None:
        from trainer.student import StudentRecipe, train_student

        try:
            recipe = StudentRecipe(**{**self._config.recipe, "seed": seed})
        except TypeError as error:
            raise SettingsError(f"[recipe]: {error}; docs/how-to/evaluate.md lists what it may hold") from error
        pairs = (pair for pair in read_pairs(str(data)) if isinstance(pair, InstructionPair))
        train_student(self._config.base, pairs, folder, name=arm.name, recipe=recipe, on_step=self._on_step)

    def answers(self, folder: Path, pairs: Sequence[InstructionPair]) -> list[str | None]:
        from trainer.student import load_student, student_answers

        if self._loaded is None or self._loaded[0] != folder:
            self._loaded = None  # the former student's memory is free before the next one is loaded
            options = {"max_new_tokens": self._config.max_new_tokens, "batch_prompts": self._config.batch_prompts}
            self._loaded = (folder, load_student(folder, **options))
        return student_answers(self._loaded[1], pairs)


def _digest(path: Path) -> str:
    """Of a file's bytes, or of a folder's names (adapters are named by their content)."""
    if path.is_dir():
        return path.name
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise InputError(f"{path} can't be read: {error.strerror or error}; the config names it") from error


def _read(arm: Arm, counts: dict[str, int]) -> Iterator[InstructionPair]:
    for pair in read_pairs(arm.data):
        if isinstance(pair, InstructionPair):
            counts["read"] += 1
            yield pair
        else:
            counts[pair.value] = counts.get(pair.value, 0) + 1


def _merged(arm: Arm, counts: dict[str, int]) -> Iterator[InstructionPair]:
    """Expert text in place of the raw pair; those that change most where only some are wanted."""
    from collections import Counter

    from evaluation.students.merging import merged
    from trainer.plan.revisions import read_revisions

    items = list(read_revisions(Path(arm.experts), None, Counter()))
    if arm.human_samples:
        if arm.human_samples > len(items):
            raise InputError(f"{arm.experts} holds {len(items):,} revisions; {arm.name} wants {arm.human_samples:,}")
        far = pair_distances([item.raw for item in items], [item.revised for item in items])
        order = sorted(range(len(items)), key=lambda n: (-far[n], items[n].raw.id))
        items = [items[n] for n in order[: arm.human_samples]]
    revisions = {item.raw.id: (item.raw, item.revised) for item in items}
    return merged(list(_read(arm, counts)), arm.limit, revisions, counts)


def _rated(pairs: Iterable[InstructionPair], arm: Arm, counts: dict[str, int]) -> Iterator[InstructionPair]:
    """Pairs rated high enough; one without a rating is not kept, as nothing is known of it."""
    try:
        lines = Path(arm.ratings).read_bytes().splitlines()
        scores = {row["id"]: float(row["score"]) for row in map(orjson.loads, lines) if "score" in row}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{arm.ratings} holds no ratings: {error}; `coachlm evaluate rate --output` writes them"
        ) from error
    for pair in pairs:
        score = scores.get(pair.id)
        reason = "unrated" if score is None else "rated_below" if score < arm.keep_rated_from else None
        if reason is None:
            yield pair
        else:
            counts[reason] = counts.get(reason, 0) + 1


def _best(pairs: list[InstructionPair], share: float, counts: dict[str, int]) -> list[InstructionPair]:
    """In their own order."""
    from evaluation.scorer.scorer import PairScorer

    scores = PairScorer.load().score(pairs)
    kept = sorted(sorted(range(len(pairs)), key=lambda n: (-scores[n], n))[: max(1, round(share * len(pairs)))])
    counts["scored_below"] = len(pairs) - len(kept)
    return [pairs[n] for n in kept]


def _revised(pairs: Iterable[InstructionPair], arm: Arm, counts: dict[str, int]) -> Iterator[InstructionPair]:
    from reviser.engines import build_reviser

    wanted: dict[str, Any] = {"engine": arm.engine, "model": arm.model or None, "adapter": arm.adapter or None}
    wanted["coach"] = arm.coach or None
    settings = load_settings(**wanted)
    check_revises(settings.reviser.engine, f"{arm.name}: ")
    engine = build_reviser(settings)
    waiting = iter(pairs)
    try:
        while chunk := list(islice(waiting, _ENGINE_PAIRS)):
            for revision in engine.revise(chunk):
                counts[revision.outcome.value] = counts.get(revision.outcome.value, 0) + 1
                yield revision.revised
    finally:
        engine.close()
