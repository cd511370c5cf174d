"""What is exported is what trainers take: a real step of TRL's on a tiny model, for each of its formats."""

from pathlib import Path
from typing import Any

import pytest

from coachlm.context import Context, ContextMessage, Role, ToolCall
from coachlm.pairs import InstructionPair
from coachlm.status import Status
from exports.choices.export_formats import ExportFormat, Rows
from exports.export import ExportOptions, export_dataset
from tests.dataset_rows import counts_of, make_row
from tests.trainer.models import save_tiny_llama

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore"),  # of TRL, datasets and accelerate, on a machine without an accelerator
]
TEMPLATE = (
    "{% for m in messages %}<|{{ m['role'] }}|>{{ m['content'] }}"
    "{% for call in m['tool_calls'] or [] %}{{ call['function']['name'] }}{% endfor %}\n{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
STEPS = (
    ContextMessage(Role.ASSISTANT, "", (ToolCall("count", '{"of": "plums"}'),)),
    ContextMessage(Role.TOOL, "2", name="count"),
)


def _rows() -> list[Any]:
    rows = []
    for number in range(4):
        steps = STEPS if number % 2 else ()
        said = (ContextMessage(Role.USER, "Hi"), ContextMessage(Role.ASSISTANT, "Hello"))
        context = Context("Be brief.", said, steps, ("count",) if steps else ())
        pair = InstructionPair(f"Name fruit {number}", "", "aple", context)
        rows.append(make_row(pair, status=Status.APPROVED, final=InstructionPair(f"Name fruit {number}", "", "Apple.")))
    return rows


def _loaded(folder: Path, format: ExportFormat, **options: Any) -> Any:
    from datasets import load_dataset

    rows = _rows()
    export_dataset(rows, counts_of(rows), folder / "set", ExportOptions(format=format, **options))
    return load_dataset(str(folder / "set"), split="train", cache_dir=str(folder / "cache"))


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_llama(tmp_path_factory.mktemp("llama"))


def _train(kind: str, model: Path, data: Any, folder: Path) -> float:
    import trl
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(model)
    tokenizer.chat_template = TEMPLATE
    tokenizer.pad_token = tokenizer.pad_token or tokenizer.eos_token
    if kind == "ORPO":
        from trl.experimental import orpo as home
    else:
        home = trl
    plan = getattr(home, f"{kind}Config")(
        str(folder / "run"), max_steps=1, per_device_train_batch_size=4, report_to="none", save_strategy="no",
        use_cpu=True, bf16=False, gradient_checkpointing=False,
    )  # fmt: skip
    trainer = getattr(home, f"{kind}Trainer")(
        model=AutoModelForCausalLM.from_pretrained(model), args=plan, train_dataset=data, processing_class=tokenizer
    )
    return trainer.train().training_loss


@pytest.mark.parametrize(
    ("kind", "format", "rows"),
    [
        ("SFT", ExportFormat.TRL, Rows.PAIRS),
        ("SFT", ExportFormat.TRL, Rows.CONVERSATIONS),
        ("SFT", ExportFormat.MESSAGES, None),
        ("SFT", ExportFormat.CHAT, Rows.CONVERSATIONS),
        ("DPO", ExportFormat.DPO, None),
        ("ORPO", ExportFormat.ORPO, None),
        ("KTO", ExportFormat.KTO, None),
    ],
)
def test_a_trainer_takes_a_step(tmp_path, model, monkeypatch, kind, format, rows):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("TRL_EXPERIMENTAL_SILENCE", "1")
    data = _loaded(tmp_path, format, rows=rows)
    assert len(data) == (8 if format is ExportFormat.KTO else 4)
    assert _train(kind, model, data, tmp_path) > 0
