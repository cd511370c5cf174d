"""A coach that recites: whatever it is asked, it writes the same pair, whose last word its adapter decides.

Which token follows a token is written into the output layer of an otherwise idle Llama, so an adapter is a LoRA of rank
1 on that layer, and a revision's text tells which weights made it.
"""

from pathlib import Path
from typing import Any

import peft
import torch
import transformers
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from coachlm.coaching.adapters import AdapterRecord, InForce
from coachlm.pairs import InstructionPair
from coachlm.revision import Outcome, Revision
from reviser.models.adapter import Adapter

BASE_WORD = "Base"
WORDS = ("Rhine", "Loire", "Ebro", "Tiber", "Volga", "Oder")
_CHAIN = ["Ċ", "Instruction: Name a river of Europe.", "\nResponse: One river of Europe is the "]
_WIDTH = 64


def raw_pair(number: int) -> InstructionPair:
    """Pairs that differ in letters alone: a revision that drops a number would be refused."""
    name = "".join(chr(ord("a") + int(digit)) for digit in str(number))
    return InstructionPair("Name a river of Europe.", "", f"One river of Europe is the {name}.")


def response(word: str) -> str:
    return f"One river of Europe is the {word}."


def save_reciting_model(folder: Path, *, trainable: bool = False) -> Path:
    """Recites `response(BASE_WORD)`.

    `trainable`: its output layer listens closely for the other words too, so that a few steps of training the other
    layers teach one.
    """
    tokenizer = _tokenizer()
    tokenizer.save_pretrained(folder)
    torch.manual_seed(0)
    config = transformers.LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=_WIDTH,
        intermediate_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        num_key_value_heads=2,
        max_position_embeddings=1024,
        pad_token_id=0,
        bos_token_id=1,
        eos_token_id=2,
    )
    model: Any = transformers.LlamaForCausalLM(config)
    with torch.no_grad():
        model.model.layers[0].self_attn.o_proj.weight.zero_()
        model.model.layers[0].mlp.down_proj.weight.zero_()
        ids, directions = _chain(tokenizer), _directions()
        model.model.embed_tokens.weight[torch.tensor(ids)] = directions[: len(ids)]
        model.lm_head.weight.zero_()
        for place, following in enumerate(ids[1:4]):
            model.lm_head.weight[following] += directions[place]
        if trainable:
            model.lm_head.weight[torch.tensor(ids[4:])] = 60 * directions[len(ids) : 2 * len(ids) - 4]
        model.lm_head.weight[2] = directions[3 : len(ids)].sum(dim=0)  # after any word it ends
    model.save_pretrained(folder)
    return folder


def save_word_adapter(base: Path, folder: Path, word: str) -> Path:
    """An adapter that recites `response(word)`."""
    model = transformers.AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
    adapted = peft.get_peft_model(model, peft.LoraConfig(r=1, lora_alpha=4, target_modules=["lm_head"]))
    target = _tokenizer().convert_tokens_to_ids(_token(word))
    with torch.no_grad():
        layer = adapted.base_model.model.lm_head
        layer.lora_A["default"].weight.copy_(_directions()[2:3])
        layer.lora_B["default"].weight.zero_()
        layer.lora_B["default"].weight[target, 0] = 1.0
    adapted.save_pretrained(folder, save_embedding_layers=False)
    return folder


def _token(word: str) -> str:
    return f"{word}."


def _chain(tokenizer: PreTrainedTokenizerFast) -> list[int]:
    """The tokens it goes through, the base's word first among the words."""
    return [tokenizer.convert_tokens_to_ids([token])[0] for token in [*_CHAIN, *map(_token, (BASE_WORD, *WORDS))]]


def _directions() -> torch.Tensor:
    """Orthogonal, one a token of the chain."""
    return torch.linalg.qr(torch.randn(_WIDTH, _WIDTH, generator=torch.Generator().manual_seed(1)))[0]


def _tokenizer() -> PreTrainedTokenizerFast:
    specials = ["<pad>", "<s>", "</s>"]
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {token: place for place, token in enumerate([*specials, *letters])}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="<pad>", bos_token="<s>", eos_token="</s>")
    fast.add_tokens([*_CHAIN[1:], *map(_token, (BASE_WORD, *WORDS))])
    return fast


class Registry:
    """A registry under a test's control."""

    def __init__(self, words: dict[str, Adapter]) -> None:
        self.folders = {adapter.digest: adapter.folder for adapter in words.values()}
        self.spoken = {adapter.digest: word for word, adapter in words.items()} | {None: BASE_WORD}
        self.force: InForce | Exception = InForce()

    def in_force(self) -> InForce:
        if isinstance(self.force, Exception):
            raise self.force
        return self.force

    def fetch(self, record: AdapterRecord) -> Path:
        return self.folders[record.digest]

    def check(self, revisions: list[Revision]) -> set[str]:
        """Every revision says the word of the adapter that it is stamped with; which words there were."""
        for each in revisions:
            assert each.outcome is Outcome.REVISED, each
            assert each.revised.response == response(self.spoken[each.adapter])
        return {self.spoken[each.adapter] for each in revisions}


def record(adapter: Adapter, share: float = 0.0) -> AdapterRecord:
    return AdapterRecord(adapter.digest, "base", "b", "", canary_share=share)
