"""`evaluate judge --judge model:FOLDER` from end to end, with a small causal model that is made here: it has learnt the
verdict on each of a few comparisons, PandaLM's prompt in, PandaLM's answer out."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from click.testing import CliRunner
from tokenizers import ByteLevelBPETokenizer
from transformers import AutoModelForCausalLM, LlamaConfig, PreTrainedTokenizerFast

from evaluation.judges.causal import judge_prompt
from evaluation.judges.judging import Comparison
from tests.command_line import main

pytestmark = pytest.mark.slow

STEPS = 100
_LANDS = ("Amber", "Bronze", "Coral", "Dusk", "Ember", "Frost")
COMPARISONS = [Comparison(f"Name rivers of {land}.", "", f"{land} has one: see maps.", "River.") for land in _LANDS]
# What the model says of the candidate first, and of the candidate second. Merged: two won, one that contradicts itself
# (a tie), one tie that gives way to a loss, one that is no verdict one way round, one tie.
SAID = [("1", "2"), ("1", "2"), ("1", "1"), ("Tie", "1"), ("1", "Both have merits."), ("Tie", "Tie")]


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def lessons() -> list[tuple[str, str]]:
    """Prompt and answer, both ways round."""
    found = []
    for comparison, answers in zip(COMPARISONS, SAID, strict=True):
        for each, answer in zip((comparison, comparison.swapped()), answers, strict=True):
            found.append((judge_prompt(each), f"{answer}\n\n### Reason: as said."))
    return found


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("judge") / "small-judge"
    torch.manual_seed(0)
    bpe = ByteLevelBPETokenizer()
    texts = [prompt + answer for prompt, answer in lessons()]
    bpe.train_from_iterator(texts, 500, special_tokens=["<pad>", "<s>", "</s>"], show_progress=False)
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=bpe._tokenizer, pad_token="<pad>", eos_token="</s>")
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=4,
        max_position_embeddings=512,
        pad_token_id=0,
        bos_token_id=1,
        eos_token_id=2,
    )
    judge: Any = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
    inputs, labels = batch(tokenizer)
    optimizer = torch.optim.AdamW(judge.parameters(), lr=3e-3)
    for _ in range(STEPS):
        judge(input_ids=inputs, attention_mask=(inputs != 0).long(), labels=labels).loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    tokenizer.save_pretrained(folder)
    judge.save_pretrained(folder)
    return folder


def batch(tokenizer: PreTrainedTokenizerFast) -> tuple[torch.Tensor, torch.Tensor]:
    """All lessons, (B, T) int64, padded on the right; labels of the answers alone."""
    rows, labels = [], []
    for prompt, answer in lessons():
        asked: Any = tokenizer(prompt)["input_ids"]
        told: Any = tokenizer(answer)["input_ids"]
        rows.append(torch.tensor([*asked, *told, 2]))
        labels.append(torch.tensor([-100] * len(asked) + [*told, 2]))
    pad = torch.nn.utils.rnn.pad_sequence
    return pad(rows, batch_first=True), pad(labels, batch_first=True, padding_value=-100)


def run(*arguments: object) -> dict[str, Any]:
    result = CliRunner().invoke(main, ["evaluate", *map(str, arguments), "--json"])
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_a_model_in_a_folder_judges_two_sets(model: Path, tmp_path: Path):
    sides = {
        "candidate": [each.candidate for each in COMPARISONS],
        "reference": [each.reference for each in COMPARISONS],
    }
    for name, responses in sides.items():
        records = (
            {"instruction": each.instruction, "input": "", "output": response}
            for each, response in zip(COMPARISONS, responses, strict=True)
        )
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
    answer = run(
        "judge",
        tmp_path / "candidate.jsonl",
        tmp_path / "reference.jsonl",
        "--judge",
        f"model:{model}",
        "--output",
        tmp_path / "verdicts.jsonl",
    )
    [found] = answer["judges"]
    rates = found["rates"]
    assert (rates["wins"], rates["ties"], rates["losses"], rates["failed"]) == (2, 2, 1, 1)
    assert found["failures"] == {"no_verdict": 1}
    assert rates["wr1"]["value"] == pytest.approx((2 + 2 / 2) / 5)
    assert rates["qs"]["value"] == pytest.approx(4 / 5)
    assert (found["position"]["comparisons"], found["position"]["consistent"]) == (5, 3)
    assert found["judge"].startswith("small-judge@")
    assert len((tmp_path / "verdicts.jsonl").read_text().splitlines()) == 6


def test_it_is_set_beside_people(model: Path, tmp_path: Path):
    """In PandaLM's file of labelled comparisons: right where people say what it says."""
    records = [
        {
            "instruction": each.instruction,
            "input": "",
            "response1": each.candidate,
            "response2": each.reference,
            "annotator1": 1,
            "annotator2": 1,
            "annotator3": 1,
        }
        for each in COMPARISONS[:2]
    ]
    (tmp_path / "labelled.json").write_text(json.dumps(records))
    answer = run("judges", "--comparisons", tmp_path / "labelled.json", "--judge", f"model:{model}")
    agreement = next(each for each in answer["judges"] if each["judge"].startswith("small-judge"))["agreement"]
    assert (agreement["accuracy"], agreement["comparisons"]) == (1, 2)
