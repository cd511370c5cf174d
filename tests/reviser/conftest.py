"""A tiny random Llama with its own tokeniser, made on the spot: real transformers, no download."""

import shutil
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
peft = pytest.importorskip("peft")

CONTEXT = 256


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    """Tiny matrices gain nothing from threads, and wait for one another on a busy machine."""
    torch.set_num_threads(1)


def save_tokenizer(folder: Path) -> int:
    """A byte-level tokeniser that knows every text; how many tokens it has."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    specials = ["<pad>", "<s>", "</s>"]
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {token: place for place, token in enumerate([*specials, *letters])}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="<pad>", bos_token="<s>", eos_token="</s>"
    ).save_pretrained(folder)
    return len(vocabulary)


def save_model(folder: Path, *, hidden: int = 32, seed: int = 0) -> Path:
    size = save_tokenizer(folder)
    torch.manual_seed(seed)
    config = transformers.LlamaConfig(
        vocab_size=size,
        hidden_size=hidden,
        intermediate_size=2 * hidden,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=2,
        max_position_embeddings=CONTEXT,
        pad_token_id=0,
        bos_token_id=1,
        eos_token_id=2,
        initializer_range=0.5,
    )
    transformers.LlamaForCausalLM(config).save_pretrained(folder)
    return folder


def save_adapter(base: Path, folder: Path) -> Path:
    model = transformers.AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
    config = peft.LoraConfig(r=4, lora_alpha=8, target_modules=["q_proj", "v_proj"], init_lora_weights=False)
    torch.manual_seed(1)
    peft.get_peft_model(model, config).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_model(tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="session")
def adapter_folder(model_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_adapter(model_folder, tmp_path_factory.mktemp("adapter"))


@pytest.fixture(scope="session")
def loaded(model_folder: Path) -> Any:
    from reviser.models.model_loading import load_model

    return load_model(str(model_folder))


@pytest.fixture(scope="session")
def converted(model_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The tiny Llama as a `ConvertedModel`, in float32."""
    pytest.importorskip("openvino_genai", reason="OpenVINO is not installed: make openvino")
    from reviser.openvino.conversion import convert

    return convert(str(model_folder), tmp_path_factory.mktemp("converted") / "model")


@pytest.fixture(scope="session")
def reciting_converted(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The coach that recites as a `ConvertedModel`, in int8."""
    pytest.importorskip("openvino_genai", reason="OpenVINO is not installed: make openvino")
    from reviser.openvino.conversion import convert
    from tests.reviser.reciting import save_reciting_model

    folder = save_reciting_model(tmp_path_factory.mktemp("reciting"))
    return convert(str(folder), folder / "converted", int8=True)


@pytest.fixture
def copied(converted: Any, tmp_path: Path) -> Path:
    return Path(shutil.copytree(converted.folder, tmp_path / "copied"))
