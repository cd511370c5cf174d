"""Fitting the acceptance model: it finds what saves work, says how sure it is, and shows no more than it should."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from coachlm.acceptance.labels import (
    CandidateLabel,
    Label,
    count_verdicts,
    mean_labels,
    read_labels,
    verdict,
    write_labels,
)
from coachlm.acceptance.model import read_acceptance, write_acceptance
from coachlm.errors import ModelError, TrainingError
from trainer.acceptance.fitting import Example, fit_acceptance, unseen_probabilities


def made(pairs: int = 200, *, noise: float = 0.0, seed: int = 0) -> list[Example]:
    """What keeps the content is better, three candidates a pair; `talk` says nothing."""
    draw = np.random.default_rng(seed)
    found: list[Example] = []
    for pair in range(pairs):
        for _ in range(3):
            kept, talk = float(draw.uniform()), float(draw.uniform() < 0.3)
            better = draw.uniform() < noise / 2 + (1 - noise) * (kept if noise else kept > 0.6)
            found.append(Example(f"p{pair}", {"kept_words": kept, "talk": talk}, float(better)))
    return found


def test_it_learns_what_saves_work() -> None:
    model = fit_acceptance(made())
    assert model.probability({"kept_words": 0.95, "talk": 0.0}) > 0.9
    assert model.probability({"kept_words": 0.1, "talk": 0.0}) < 0.1
    assert model.weights["kept_words"].weight > 10 * abs(model.weights["talk"].weight)
    assert model.record["ranking"] > 0.95
    assert model.record["shown"]["better"] > 20 * model.record["shown"].get("worse", 0)
    assert fit_acceptance(made()) == model, "the same labels give the same model"


def test_probabilities_are_what_is_so_on_pairs_it_has_not_seen() -> None:
    model, fresh = fit_acceptance(made(noise=0.5)), made(2000, noise=0.5, seed=1)
    said = np.asarray([model.probability(each.figures) for each in fresh])
    was = np.asarray([each.value for each in fresh])
    for part in np.array_split(np.argsort(said), 5):
        assert said[part].mean() == pytest.approx(was[part].mean(), abs=0.1)
    for fifth in model.record["calibration"]:
        assert fifth["said"] == pytest.approx(fifth["was"], abs=0.12)


def test_noise_is_not_learned() -> None:
    draw = np.random.default_rng(3)
    noise = [replace(each, value=float(draw.uniform() < 0.3)) for each in made(100)]
    model = fit_acceptance(noise)
    assert 0.2 < model.probability({"kept_words": 0.95, "talk": 0.0}) < 0.4
    assert model.record["shown_share"] < 0.1, "nothing is worth showing"
    assert np.std(unseen_probabilities(noise)) < 0.1


def by_luck(seed: int) -> list[Example]:
    """Every pair has its own fingerprint and luck: known by heart where one of its candidates was seen."""
    draw, found = np.random.default_rng(seed), []
    names = ("kept_words", "growth", "talk", "repetition", "new_words", "on_topic", "edit_share", "agreement")
    for pair in range(40):
        figures = dict(zip(names, draw.normal(size=len(names)).tolist(), strict=True))
        found += [Example(f"p{pair}", figures, float(draw.uniform() < 0.5))] * 4
    return found


def test_candidates_of_a_pair_are_never_learned_from_and_judged_by_at_once() -> None:
    found = [fit_acceptance(by_luck(seed)).record["ranking"] for seed in range(8)]
    assert np.mean(found) < 0.55, "0.65 where they are"


def test_what_harm_costs_decides_how_much_is_shown() -> None:
    examples = made(noise=0.2)
    shown = [fit_acceptance(examples, harm=harm).record["shown_share"] for harm in (0.2, 2.0, 20.0)]
    assert shown[0] > shown[1] > shown[2]
    with_threshold = fit_acceptance(examples)
    assert 0.5 <= with_threshold.threshold < 0.95


def test_a_figure_that_is_seldom_known_is_not_learned_and_unknown_ones_count_as_average() -> None:
    examples = [
        replace(each, figures=each.figures | ({"nats": 1.0 * n} if n < 5 else {})) for n, each in enumerate(made())
    ]
    model = fit_acceptance(examples)
    assert "nats" not in model.weights
    mean = {name: each.mean for name, each in model.weights.items()}
    assert model.probability({}) == pytest.approx(model.probability(mean))


@pytest.mark.parametrize("examples", [[], made(5), [replace(each, value=1.0) for each in made(50)]])
def test_too_few_labels_are_refused(examples: list[Example]) -> None:
    with pytest.raises(TrainingError, match="too few"):
        fit_acceptance(examples)


def test_a_model_comes_back_as_it_was_written(tmp_path: Path) -> None:
    model = fit_acceptance(made(60))
    write_acceptance(model, tmp_path / "acceptance.json")
    assert read_acceptance(tmp_path / "acceptance.json") == model


def _without(name: str) -> Callable[[dict[str, Any]], None]:
    return lambda said: said.pop(name)


@pytest.mark.parametrize(
    "damage",
    [
        _without("bias"),
        _without("weights"),
        lambda said: said.update(format="another"),
        lambda said: said.update(slope="steep"),
        lambda said: said.update(slope=float("nan")),
        lambda said: said["weights"].update(unheard_of={"mean": 0, "scale": 1, "weight": 1}),
        lambda said: said["weights"]["talk"].update(scale=0),
        lambda said: said["weights"]["talk"].update(odd=0),
    ],
)
def test_a_damaged_model_is_refused(damage: Callable[[dict[str, Any]], None], tmp_path: Path) -> None:
    said = fit_acceptance(made(60)).as_dict()
    damage(said)
    path = tmp_path / "acceptance.json"
    path.write_text(json.dumps(said))
    with pytest.raises(ModelError, match=r"acceptance\.json can't be read"):
        read_acceptance(path)


def test_nothing_is_weighed_against_what_it_means() -> None:
    odd = [replace(each, value=1 - each.value) for each in made()]
    model = fit_acceptance(odd)
    assert "kept_words" not in model.weights, "where dropped content is called better, the label says it, no text does"
    assert all(each.weight <= 0 for name, each in model.weights.items() if name == "talk")


def test_reasons_are_the_strongest_figures_in_words() -> None:
    model = fit_acceptance(made())
    good, bad = {"kept_words": 0.95, "talk": 0.0}, {"kept_words": 0.1, "talk": 0.0}
    assert model.reasons(good)[0] == "keeps what the response said"
    assert model.reasons(bad, against=True)[0] == "drops much of what the response said"
    assert "drops much of what the response said" not in model.reasons(bad)


def test_labels_of_several_readers(tmp_path: Path) -> None:
    labels = [
        CandidateLabel("p", "c", Label.BETTER, "one"),
        CandidateLabel("p", "c", Label.WORSE, "two"),
        CandidateLabel("p", "d", Label.WORSE, "one"),
        CandidateLabel("p", "d", Label.BETTER, "one"),
        CandidateLabel("p", "e", Label.SAME, "one"),
    ]
    path = tmp_path / "labels.jsonl"
    write_labels(labels, path)
    means = mean_labels(read_labels(path))
    assert means == {("p", "c"): 0.5, ("p", "d"): 1.0, ("p", "e"): 0.5}, "a reader's last word counts"
    assert [verdict(mean) for mean in (0.75, 0.5, 0.25)] == [Label.BETTER, Label.SAME, Label.WORSE]
    assert count_verdicts(means.values()) == {Label.SAME: 2, Label.BETTER: 1}
    path.write_text('{"id": "p", "candidate": "c", "label": "good", "reader": "one"}')
    with pytest.raises(TrainingError, match="line 1"):
        list(read_labels(path))
