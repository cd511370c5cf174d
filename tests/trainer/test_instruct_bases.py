"""Tuning bases with a chat template, or whose end token got lost; and what a run plans before its first step."""

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from coachlm.coaching.prompting import PAPER, Prompting, read_prompting
from coachlm.errors import TrainingError
from tests.trainer.models import expert_revisions, save_tiny_llama, write_revisions
from trainer.plan.recipe import Recipe
from trainer.plan.revisions import file_source
from trainer.plan.run_folder import RunFolder
from trainer.plan.training_plan import TrainingPlan
from trainer.run import train_coach
from trainer.scoring import pair_nll
from trainer.tuning import memory
from trainer.tuning.base_model import load_base

TEMPLATE = (
    "{% for m in messages %}[{{ m.role }}] {{ m.content }}<s>{% endfor %}{% if add_generation_prompt %}[a] {% endif %}"
)
QUICK = Recipe(epochs=1, learning_rate=1e-2, rank=4, batch_pairs=8)


@pytest.fixture
def chatting(tmp_path: Path) -> Path:
    """Its turns end with another token than its texts."""
    folder = save_tiny_llama(tmp_path / "chatting")
    _tell(folder, "tokenizer_config.json", chat_template=TEMPLATE)
    _tell(folder, "generation_config.json", eos_token_id=[2, 1])
    return folder


def _tell(folder: Path, name: str, **values: Any) -> None:
    path = folder / name
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def test_examples_are_turns_and_end_as_turns_do(chatting: Path) -> None:
    base, items = load_base(str(chatting)), expert_revisions(3)
    in_chat, on_paper = base.prompted("auto"), base.prompted("paper")
    assert (in_chat.prompt_style, on_paper.prompt_style) == ("chat", "paper")
    for item, one, other in zip(
        items, in_chat.examples(items, Counter()), on_paper.examples(items, Counter()), strict=True
    ):
        asked = base.tokenizer.decode(one.prompt)
        assert asked == in_chat.prompting.text(item.raw)
        assert asked.startswith("[user] Improve")
        assert asked.endswith("<s>[a] ")
        assert one.target[:-1] == other.target[:-1]
        assert (one.target[-1], other.target[-1]) == (1, 2)


def test_a_pair_with_the_templates_marks_is_left_out(chatting: Path) -> None:
    item = expert_revisions(1)[0]
    left_out: Counter[str] = Counter()
    marked = replace(item, raw=replace(item.raw, response="It ends <s> here."))
    assert load_base(str(chatting)).prompted("chat").examples([marked], left_out) == []
    assert left_out == {"template_marker": 1}


def test_a_plain_base_takes_the_papers_prompt(tiny_llama: Path) -> None:
    base = load_base(str(tiny_llama))
    assert base.prompted("auto").prompting == PAPER
    with pytest.raises(TrainingError, match="no chat template"):
        base.prompted("chat")


@pytest.mark.slow
def test_an_adapter_remembers_its_prompt_and_is_scored_with_it(chatting: Path, tmp_path: Path) -> None:
    data = write_revisions(tmp_path / "data.jsonl", expert_revisions(24))
    plans: list[TrainingPlan] = []
    runs = {}
    for style in ("auto", "paper"):
        recipe = replace(QUICK, prompt_style=style)  # type: ignore[arg-type]
        folder = tmp_path / style
        record = train_coach(str(chatting), file_source(data), folder, alpha=1, recipe=recipe, on_plan=plans.append)
        runs[style] = (record, folder / "adapters" / record.adapter)
    in_chat, on_paper = read_prompting(runs["auto"][1]), read_prompting(runs["paper"][1])
    assert isinstance(in_chat, Prompting)
    assert (in_chat.style, on_paper) == ("chat", PAPER)
    assert runs["auto"][0].recipe["prompt_style"] == "chat"
    assert "prompt_style" not in runs["paper"][0].recipe  # as runs before there was a choice
    assert runs["auto"][0].fingerprint != runs["paper"][0].fingerprint
    item = expert_revisions(30)[29]
    [as_trained] = pair_nll(load_base(str(chatting)), runs["auto"][1], [(item.raw, item.revised)])
    (runs["auto"][1] / "coach_prompt.json").unlink()
    [otherwise] = pair_nll(load_base(str(chatting)), runs["auto"][1], [(item.raw, item.revised)])
    assert as_trained < otherwise
    plan = plans[0]
    assert (plan.examples, plan.epochs, plan.steps) == (24, 1, 3)
    assert plan.tokens_per_second > 0
    assert f"24 examples × 1 epochs = 3 steps, {plan.tokens:,} tokens" in plan.lines()[0]


def test_a_base_whose_end_got_lost_is_not_tuned(tiny_llama: Path, tmp_path: Path) -> None:
    folder = save_tiny_llama(tmp_path / "lost")
    _tell(folder, "tokenizer_config.json", eos_token="<s>")
    data = write_revisions(tmp_path / "data.jsonl", expert_revisions(8))
    with pytest.raises(TrainingError, match="ends texts with '<s>' and its generation configuration with '</s>'"):
        train_coach(str(folder), file_source(data), tmp_path / "run", recipe=QUICK)


def test_fewer_tokens_go_through_at_once_where_memory_is_short(
    tiny_llama: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = load_base(str(tiny_llama))

    def fitting(free: int, most: int = 4096) -> int:
        monkeypatch.setattr(memory, "free_bytes", lambda _device: free)
        return base.fitting_tokens(4, most)

    assert fitting(64 << 30) == 4096
    assert fitting(64 << 30, 100) == 100
    assert fitting(1) == memory.LEAST_TOKENS
    needed = memory.needed_bytes(base.model, 4, 1024)
    assert fitting(int(needed / 0.69)) == 1024
    assert memory.needed_bytes(base.model, 4, 4096) > needed


def test_a_run_goes_on_with_the_number_it_began_with(tmp_path: Path) -> None:
    run = RunFolder(tmp_path)
    assert run.micro_batch_tokens(4096, lambda most: most // 4) == 1024
    assert run.micro_batch_tokens(4096, lambda most: most) == 1024
    assert run.micro_batch_tokens(512, lambda most: most // 2) == 512  # asked for otherwise: another run
    older = RunFolder(tmp_path / "older")
    older.checkpoints.mkdir(parents=True)
    (older.checkpoints / "step-00000001.safetensors").write_bytes(b"")
    assert older.micro_batch_tokens(4096, lambda most: most // 4) == 4096


def test_a_plan_says_what_a_person_wants_to_know() -> None:
    plan = TrainingPlan(613, 7, 140, 1_624_000, 900, 1024, 4096, 4_700_000_000, 12_300_000_000, 190.0)
    first, second = plan.lines()
    assert "613 examples × 7 epochs = 140 steps, 1,624,000 tokens; about 2 h 22 min at 190 tokens/s" in first
    assert "1,024 tokens at once, of 4,096 asked for: more don't fit" in second
    assert "4.7 GB; 12.3 GB are free" in second
    assert "asked for" not in replace(plan, micro_batch_tokens=4096).lines()[1]
