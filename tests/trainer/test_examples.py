"""What of an expert revision is read and what is learnt, and how examples go together."""

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from transformers import AutoTokenizer

from coachlm.pairs import InstructionPair, content_hash
from coachlm.prompt import coach_prompt, render_pair
from tests.trainer.models import expert_revisions
from trainer.plan.revisions import ExpertRevision
from trainer.tuning.batches import IGNORED, collate, micro_batches, plan_epoch
from trainer.tuning.examples import Encoder, Example

EOS = 2


@pytest.fixture(scope="module")
def encoder(tiny_llama: Path) -> Encoder:
    return Encoder(AutoTokenizer.from_pretrained(tiny_llama), (EOS,), 512)


def example(prompt: int, target: int) -> Example:
    from array import array

    return Example(array("i", range(10, 10 + prompt)), array("i", range(50, 50 + target)), "id", "hash")


def test_target_is_the_revised_pair_alone(encoder: Encoder, tiny_llama: Path) -> None:
    item = expert_revisions(1)[0]
    left_out: Counter[str] = Counter()
    (found,) = encoder.examples([item], left_out)
    tokenizer = AutoTokenizer.from_pretrained(tiny_llama)
    assert tokenizer.decode(found.prompt) == coach_prompt(item.raw)
    assert tokenizer.decode(found.target[:-1]) == render_pair(item.revised)
    assert found.target[-1] == EOS
    assert EOS not in found.prompt
    assert found.instruction_hash == content_hash(item.raw.instruction)
    assert not left_out


def test_special_tokens_of_the_tokeniser(tiny_llama: Path) -> None:
    """A tokeniser that frames every text: the prompt keeps its start, loses its end; the target has one end."""

    class Framing:
        inner = AutoTokenizer.from_pretrained(tiny_llama)

        def __call__(self, text: str, add_special_tokens: bool = True, **_: object) -> dict[str, list[int]]:
            ids = self.inner(text)["input_ids"]
            return {"input_ids": [1, *ids, EOS] if add_special_tokens else ids}

    (found,) = Encoder(Framing(), (EOS,), 512).examples(expert_revisions(1), Counter())
    assert (found.prompt[0], list(found.prompt).count(EOS)) == (1, 0)
    assert (1 in found.target, list(found.target).count(EOS)) == (False, 1)


def test_untrainable_revisions_are_left_out_with_their_reason(encoder: Encoder) -> None:
    item, other = expert_revisions(2)
    revised = item.revised
    left_out: Counter[str] = Counter()
    found = encoder.examples(
        [
            ExpertRevision(item.raw, InstructionPair(revised.instruction, "", "word " * 600)),
            ExpertRevision(item.raw, InstructionPair(" ", "", revised.response)),
            ExpertRevision(item.raw, InstructionPair(revised.instruction, "", "\n")),
            ExpertRevision(InstructionPair("\ud800", "", "x"), revised),
            other,
        ],
        left_out,
    )
    assert [one.pair_id for one in found] == [other.raw.id]
    assert left_out == {"too_long": 1, "empty": 2, "not_tokenisable": 1}


def test_context_is_used_to_the_last_token(tiny_llama: Path, encoder: Encoder) -> None:
    item = expert_revisions(1)[0]
    exact = len(encoder.examples([item], Counter())[0])
    tokenizer = AutoTokenizer.from_pretrained(tiny_llama)
    assert len(Encoder(tokenizer, (EOS,), exact).examples([item], Counter())) == 1
    assert not Encoder(tokenizer, (EOS,), exact - 1).examples([item], Counter())


def test_labels_stand_on_the_target_alone() -> None:
    batch = collate([example(3, 2), example(1, 1)], pad_id=0)
    assert batch.input_ids.tolist() == [[10, 11, 12, 50, 51], [10, 50, 0, 0, 0]]
    assert batch.attention_mask.tolist() == [[1] * 5, [1, 1, 0, 0, 0]]
    no = IGNORED
    assert batch.labels.tolist() == [[no, no, no, 50, 51], [no, 50, no, no, no]]


@given(st.lists(st.integers(1, 900), min_size=1, max_size=150), st.integers(1, 40), st.integers(0, 99), st.booleans())
def test_an_epoch_has_every_example_once(lengths: list[int], size: int, seed: int, grouped: bool) -> None:
    plan = plan_epoch(lengths, size, seed=seed, epoch=1, grouped=grouped)
    assert sorted(index for batch in plan for index in batch) == list(range(len(lengths)))
    sizes = {len(batch) for batch in plan}
    assert max(sizes) <= size
    assert max(sizes) - min(sizes) <= 1
    assert plan == plan_epoch(lengths, size, seed=seed, epoch=1, grouped=grouped)


def test_epochs_differ_and_grouping_spares_padding() -> None:
    lengths = [20 + (number * 37) % 900 for number in range(600)]

    def real_share(grouped: bool) -> float:
        plan = plan_epoch(lengths, 32, seed=0, epoch=1, grouped=grouped)
        return sum(lengths) / sum(len(batch) * max(lengths[i] for i in batch) for batch in plan)

    assert real_share(grouped=True) > 0.85
    assert real_share(grouped=False) < 0.6
    first, second = (plan_epoch(lengths, 32, seed=0, epoch=epoch) for epoch in (1, 2))
    assert {frozenset(batch) for batch in first} != {frozenset(batch) for batch in second}


@pytest.mark.slow
@given(st.lists(st.integers(1, 60), min_size=1, max_size=40), st.integers(1, 200))
def test_micro_batches_keep_to_the_limit(lengths: list[int], limit: int) -> None:
    batch = [example(length, 1) for length in lengths]
    parts = list(micro_batches(batch, limit))
    assert sorted(map(id, batch)) == sorted(id(one) for part in parts for one in part)
    for part in parts:
        assert len(part) == 1 or len(part) * max(map(len, part)) <= limit
