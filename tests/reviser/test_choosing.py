"""Several candidates a pair, and the choice between them: in the packed engine, and around any engine."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from coachlm.acceptance.candidates import Candidate, Origin
from coachlm.acceptance.model import AcceptanceModel, Weight, write_acceptance
from coachlm.errors import ModelError
from coachlm.pairs import InstructionPair
from coachlm.protocols.revising import Attempt, AttemptingReviser
from coachlm.revision import NOT_ACCEPTED, Outcome, Revision
from coachlm.settings import load_settings
from reviser.choosing.acceptance import AcceptanceFile
from reviser.choosing.candidates import CandidateMaker, Plan
from reviser.choosing.reviser import ChoosingReviser
from reviser.engines import build_reviser
from reviser.models.adapter import read_adapter
from reviser.models.model_loading import LoadedModel
from reviser.models.sampling import Sampling
from reviser.packed.reviser import PackedOptions, PackedReviser
from reviser.pairs.finish import Finisher
from reviser.pairs.jobs import JobDesk
from tests.reviser.reciting import WORDS, raw_pair, response, save_reciting_model, save_word_adapter

PAIRS = [
    InstructionPair("Name a fruit.", "", "An apple is a fruit."),
    InstructionPair("Name a tree.", "", "A birch."),
    InstructionPair("Say hello to them.", "", "Hello to them."),
]
GREEDY, PREFILLED, DRAWN, OTHER = Attempt(), Attempt(prefill=True), Attempt(draw=0), Attempt(draw=1)
LIKES_GROWTH = AcceptanceModel({"growth": Weight(0.0, 0.1, 2.0)}, bias=0.0, threshold=0.7)
NEVER = replace(LIKES_GROWTH, bias=-20.0)


def packed(loaded: LoadedModel, **options: Any) -> PackedReviser:
    chosen: dict[str, Any] = {"cache_bytes": 1 << 24, "max_slots": 3, "max_new_tokens": 90, "sampling": Sampling(0.8)}
    return PackedReviser(loaded, Finisher("packed", adapter="d1"), PackedOptions(**(chosen | options)))


@pytest.fixture
def outputs(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, bool, tuple[int, ...]]]:
    """What a model wrote, as tokens: the pair, whether its fields were given, the output."""
    found: list[tuple[str, bool, tuple[int, ...]]] = []
    plain = JobDesk.close

    def spy(desk: Any, job: Any, output: list[int], *rest: Any) -> Any:
        found.append((job.raw.id, desk.prefill, tuple(output)))
        return plain(desk, job, output, *rest)

    monkeypatch.setattr(JobDesk, "close", spy)
    return found


def written(engine: PackedReviser, attempts: Sequence[Attempt], outputs: list[Any]) -> list[Any]:
    outputs.clear()
    engine.attempt(PAIRS, attempts)
    return sorted(outputs)


@pytest.mark.slow
def test_a_greedy_attempt_beside_draws_is_what_a_greedy_engine_writes(loaded: LoadedModel, outputs: list[Any]) -> None:
    plain = packed(loaded, sampling=None)
    plain.revise(PAIRS)
    alone = sorted(outputs)
    plain.close()
    engine = packed(loaded)
    beside = written(engine, [DRAWN, GREEDY, OTHER], outputs)
    assert set(alone) < set(beside)
    assert len(set(beside)) == 3 * len(PAIRS), "two draws and the likeliest text are three texts"
    engine.close()


@pytest.mark.slow
def test_draws_depend_on_the_seed_and_their_number_alone(loaded: LoadedModel, outputs: list[Any]) -> None:
    engine = packed(loaded)
    assert engine.draws
    both = written(engine, [DRAWN, OTHER], outputs)
    assert sorted([*written(engine, [OTHER], outputs), *written(engine, [DRAWN], outputs)]) == both
    engine.close()
    other = packed(loaded, sampling=Sampling(0.8, seed=5), max_slots=1)
    assert set(written(other, [DRAWN, OTHER], outputs)).isdisjoint(both)
    other.close()


def test_a_prefilled_attempt_is_given_the_fields(loaded: LoadedModel, outputs: list[Any]) -> None:
    engine = packed(loaded)
    made = engine.attempt(PAIRS, [GREEDY, PREFILLED])
    assert sorted(prefill for _, prefill, _ in outputs) == [False] * 3 + [True] * 3
    for raw, (greedy, given) in zip(PAIRS, made, strict=True):
        assert greedy.pair_id == given.pair_id == raw.id
        assert given.revised.instruction == raw.instruction
        assert given.prompt_tokens > greedy.prompt_tokens
    engine.close()
    greedy = packed(loaded, sampling=None)
    assert not greedy.draws
    greedy.close()


def test_a_plan_asks_for_what_an_engine_can_do() -> None:
    assert [origin for origin, _ in Plan(3).attempts(draws=True)] == [
        Origin.GREEDY,
        Origin.PREFILLED,
        Origin.PREFILLED_SAMPLED,
        Origin.SAMPLED,
        Origin.PREFILLED_SAMPLED,
    ]
    assert [origin for origin, _ in Plan(3).attempts(draws=False)] == [Origin.GREEDY, Origin.PREFILLED]


class Fake:
    """An engine whose attempts are told."""

    name, adapter, draws = "fake", "d1", True

    def __init__(self, answers: Sequence[str | Outcome]) -> None:
        self.answers = answers
        self.closed = False

    def revise(self, pairs: Sequence[InstructionPair]) -> list[Revision]:
        return [self._revision(raw, self.answers[0]) for raw in pairs]

    def attempt(self, pairs: Sequence[InstructionPair], attempts: Sequence[Attempt]) -> list[list[Revision]]:
        return [[self._revision(raw, self.answers[i]) for i in range(len(attempts))] for raw in pairs]

    def close(self) -> None:
        self.closed = True

    def _revision(self, raw: InstructionPair, answer: str | Outcome) -> Revision:
        made = Revision(raw.id, raw, Outcome.UNCHANGED, "fake", "d1", None, (), 10, 5, 0.5)
        if isinstance(answer, Outcome):
            return replace(made, outcome=answer, reason=f"because_{answer}")
        return replace(made, outcome=Outcome.REVISED, revised=replace(raw, response=answer))


def choosing(fake: Fake, model: AcceptanceModel = LIKES_GROWTH, threshold: float | None = None) -> ChoosingReviser:
    return ChoosingReviser(CandidateMaker(fake, {}, Plan(samples=1)), lambda: model, threshold)


def test_the_likeliest_candidate_is_shown_with_its_reasons() -> None:
    fake = Fake(["An apple is it.", "An apple is a sweet fruit that grows on trees.", "A pear."])
    assert isinstance(fake, AttemptingReviser)
    (made,) = choosing(fake).revise(PAIRS[:1])
    assert made.outcome is Outcome.REVISED
    assert made.revised.response == "An apple is a sweet fruit that grows on trees."
    assert made.reason is not None
    kind, _, said = made.reason.partition(": ")
    assert kind == "accepted_prefilled"
    assert said.endswith("% likely to save work: is longer than the raw response")
    assert made.failure is None
    assert (made.prompt_tokens, made.output_tokens, made.seconds) == (30, 15, 1.5), "all candidates cost"


def test_the_raw_text_stays_where_no_candidate_is_likely_enough() -> None:
    (made,) = choosing(Fake(["An apple is it."] * 3), NEVER).revise(PAIRS[:1])
    assert made.outcome is Outcome.FALLBACK_GUARD
    assert made.revised == PAIRS[0]
    assert made.failure == NOT_ACCEPTED
    assert made.flags == ()


def test_a_threshold_may_be_asked_for() -> None:
    grown = "An apple is a fruit, a good one."
    assert choosing(Fake([grown] * 3)).revise(PAIRS[:1])[0].outcome is Outcome.REVISED
    assert choosing(Fake([grown] * 3), threshold=1.0).revise(PAIRS[:1])[0].failure == NOT_ACCEPTED


@pytest.mark.parametrize(
    ("answers", "outcome"),
    [
        ([Outcome.FALLBACK_INVALID, Outcome.FALLBACK_ERROR, Outcome.FALLBACK_ERROR], Outcome.FALLBACK_INVALID),
        ([Outcome.FALLBACK_INVALID, Outcome.UNCHANGED, Outcome.FALLBACK_ERROR], Outcome.UNCHANGED),
        ([Outcome.LEAK_GUARD, "An apple is a fruit of many colours and tastes.", "x"], Outcome.LEAK_GUARD),
    ],
)
def test_without_a_candidate_the_attempts_say_why(answers: list[Any], outcome: Outcome) -> None:
    (made,) = choosing(Fake(answers)).revise(PAIRS[:1])
    assert made.outcome is outcome
    assert made.revised == PAIRS[0]


def test_an_engine_without_attempts_has_one_candidate() -> None:
    class Plain:
        name, adapter = "plain", None
        revise = Fake(["An apple is a fruit, a good one."]).revise

        def close(self) -> None: ...

    maker = CandidateMaker(Plain(), {Origin.RULES: Fake(["An apple is a fruit, an apple is."])})
    (made,) = maker.candidates(PAIRS[:1])
    assert [each.origin for each in made] == [Origin.GREEDY, Origin.RULES]
    assert maker.mended([PAIRS[0]])[PAIRS[0].id].response == "An apple is a fruit, an apple is."


def test_all_engines_are_closed() -> None:
    fakes = [Fake(["x"]), Fake(["x"])]
    engine = ChoosingReviser(CandidateMaker(fakes[0], {Origin.RULES: fakes[1]}), lambda: LIKES_GROWTH)
    engine.close()
    assert all(fake.closed for fake in fakes)


def test_a_mended_question_is_a_candidate_with_the_raw_answer() -> None:
    raw = InstructionPair("Waht is a pear", "", "A fruit that grows on trees.")

    class Asking(Fake):
        def _revision(self, raw: InstructionPair, answer: str | Outcome) -> Revision:
            found = super()._revision(raw, answer)
            return replace(found, revised=replace(found.revised, instruction="What is a pear?"), output_tokens=9)

    (made,) = CandidateMaker(Asking(["A pear is a fruit."]), {}, Plan(0, prefilled=False)).candidates([raw])
    assert [each.origin for each in made] == [Origin.GREEDY, Origin.ASKED]
    assert made[1].text == replace(raw, instruction="What is a pear?")
    assert made[1].revision.output_tokens == 0
    (same,) = CandidateMaker(Fake(["A pear is a fruit."]), {}, Plan(0, prefilled=False)).candidates([raw])
    assert [each.origin for each in same] == [Origin.GREEDY]


def test_the_same_text_is_one_candidate() -> None:
    from coachlm.acceptance.candidates import distinct

    same = Fake(["A pear is a fruit."]).revise(PAIRS[:1])[0]
    raw = Fake([Outcome.UNCHANGED]).revise(PAIRS[:1])[0]
    found = distinct([Candidate(Origin.GREEDY, same), Candidate(Origin.SAMPLED, same), Candidate(Origin.RULES, raw)])
    assert [each.origin for each in found] == [Origin.GREEDY]


@pytest.fixture(scope="module")
def reciting(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_reciting_model(tmp_path_factory.mktemp("reciting"))


@pytest.fixture
def adapter(reciting: Path, tmp_path: Path) -> Path:
    return save_word_adapter(reciting, tmp_path / "adapter", WORDS[0])


@pytest.mark.slow
def test_the_settings_say_who_chooses_and_how(reciting: Path, adapter: Path, tmp_path: Path) -> None:
    def revise(**options: Any) -> Revision:
        settings = load_settings(engine="packed", model=str(reciting), adapter=str(adapter), **options)
        engine = build_reviser(settings)
        (made,) = engine.revise([raw_pair(1)])
        engine.close()
        assert made.adapter == read_adapter(adapter).digest
        return made

    assert revise().reason is None, "nobody chooses where no model of it is there"
    other = tmp_path / "never.json"
    write_acceptance(NEVER, other)
    assert revise(accept_model=str(other)).failure == NOT_ACCEPTED
    write_acceptance(replace(LIKES_GROWTH, bias=5.0), adapter / "acceptance.json")
    made = revise(accept_samples=0)
    assert made.reason is not None
    assert made.reason.startswith("accepted_greedy: ")
    assert made.revised.response == response(WORDS[0])
    more = revise(accept_samples=3, accept_temperature=0.01)
    assert more.output_tokens > made.output_tokens
    assert revise(accept_threshold=1.0).failure == NOT_ACCEPTED
    assert revise(accept_model="off").reason is None


def test_a_new_acceptance_model_is_taken_up_and_a_broken_one_is_not(tmp_path: Path) -> None:
    path, scratch = tmp_path / "acceptance.json", tmp_path / "new.json"
    write_acceptance(NEVER, path)
    engine = ChoosingReviser(
        CandidateMaker(Fake(["An apple is a fruit, a good one."] * 5), {}), AcceptanceFile(path).newest
    )
    assert engine.revise(PAIRS[:1])[0].failure == NOT_ACCEPTED
    write_acceptance(LIKES_GROWTH, scratch)
    scratch.replace(path)
    assert engine.revise(PAIRS[:1])[0].outcome is Outcome.REVISED
    scratch.write_text("{")
    scratch.replace(path)
    assert engine.revise(PAIRS[:1])[0].outcome is Outcome.REVISED
    path.unlink()
    assert engine.revise(PAIRS[:1])[0].outcome is Outcome.REVISED


def test_a_broken_acceptance_model_is_told(reciting: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.json"
    broken.write_text('{"format": "coachlm-acceptance-1"}')
    for path in (broken, tmp_path / "missing.json"):
        with pytest.raises(ModelError, match=path.name):
            build_reviser(load_settings(engine="packed", model=str(reciting), accept_model=str(path)))
