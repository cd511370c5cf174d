"""A small Llama pre-trained here on public text, for figures that need a base that knows some language.

`python -m recipes.small_base FOLDER --minutes 20` writes a model folder (5.4 M parameters, float32) that any command
takes as `--base`. Its text: Dolly and the answers of AlpacaEval in the coach's pair format, none of Alpaca. It is not a
coach and not shipped. Ends with one JSON line: tokens seen, and nats per token on text it never saw.
"""

import argparse
import gzip
import json
import os
import random
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from tokenizers import ByteLevelBPETokenizer
from transformers import AutoModelForCausalLM, LlamaConfig, PreTrainedTokenizerFast

from coachlm.pairs import InstructionPair
from coachlm.prompt import render_pair

VOCABULARY, HIDDEN, LAYERS, HEADS, CONTEXT = 8000, 256, 4, 4, 4096
_BLOCK, _BATCH = 256, 8  # tokens of a row, rows of a step
_PEAK_RATE = 2e-3
_HELD_OUT_ROWS = 200


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?", default=Path("build/small-base"), help="default: %(default)s")
    parser.add_argument("--minutes", type=float, default=20, help="of CPU time; default 20")
    parser.add_argument("--quick", action="store_true", help="half a minute, into the folder all the same")
    arguments = parser.parse_args()
    data = os.environ.get("COACHLM_DATA_DIR")
    if not data:
        sys.exit("set COACHLM_DATA_DIR to the folder of public data sets (docs/reference/public-data.md)")
    minutes = 0.5 if arguments.quick else arguments.minutes
    print(json.dumps(pretrain(Path(data) / "corpora", arguments.folder, minutes)))


def pretrain(corpora: Path, folder: Path, minutes: float) -> dict[str, float]:
    texts = [*pairs(corpora / "dolly_15k.jsonl.gz"), *pairs(corpora / "alpaca_eval_answers.jsonl.gz")]
    random.Random(0).shuffle(texts)
    tokenizer = save_tokenizer(folder, texts)
    rows = blocks(tokenizer, texts)
    held_out, training = rows[:_HELD_OUT_ROWS], rows[_HELD_OUT_ROWS:]
    torch.manual_seed(0)
    model: Any = AutoModelForCausalLM.from_config(config(), dtype=torch.float32)
    optimizer = torch.optim.AdamW(model.parameters(), lr=_PEAK_RATE, betas=(0.9, 0.95), weight_decay=0.1)
    began, step = time.process_time(), 0
    while (done := (time.process_time() - began) / (60 * minutes)) < 1:
        rate = _PEAK_RATE * min(1.0, (step + 1) / 50) * (1 - done)  # falls to nothing when the time is up
        for group in optimizer.param_groups:
            group["lr"] = rate
        batch = training[torch.randint(len(training), (_BATCH,))]
        loss = model(input_ids=batch, labels=batch).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        step += 1
        if step % 100 == 0:
            print(f"{done:4.0%}  {step * _BATCH * _BLOCK:,} tokens  loss {loss.item():.3f}", flush=True)
    model.save_pretrained(folder)
    return {"tokens": step * _BATCH * _BLOCK, "nll_held_out": round(nll(model, held_out), 3)}


def pairs(path: Path) -> Iterator[str]:
    with gzip.open(path, "rt") as file:
        for line in file:
            record = json.loads(line)
            instruction = "\n".join(filter(None, (record["instruction"], record.get("context"))))
            yield render_pair(InstructionPair(instruction, "", record.get("output") or record.get("response") or ""))


def save_tokenizer(folder: Path, texts: list[str]) -> PreTrainedTokenizerFast:
    bpe = ByteLevelBPETokenizer()
    specials = ["<pad>", "<s>", "</s>"]
    bpe.train_from_iterator(texts[:10_000], vocab_size=VOCABULARY, special_tokens=specials, show_progress=False)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=bpe._tokenizer, pad_token="<pad>", bos_token="<s>", eos_token="</s>"
    )
    tokenizer.save_pretrained(folder)
    return tokenizer


def blocks(tokenizer: PreTrainedTokenizerFast, texts: list[str]) -> torch.Tensor:
    """All texts end to end, cut into rows."""
    stream = [token for ids in tokenizer(texts)["input_ids"] for token in (*ids, 2)]  # type: ignore[misc]
    whole = len(stream) // _BLOCK * _BLOCK
    return torch.tensor(stream[:whole]).view(-1, _BLOCK)


def config() -> LlamaConfig:
    return LlamaConfig(
        vocab_size=VOCABULARY,
        hidden_size=HIDDEN,
        intermediate_size=HIDDEN * 3,
        num_hidden_layers=LAYERS,
        num_attention_heads=HEADS,
        max_position_embeddings=CONTEXT,
        tie_word_embeddings=True,
        pad_token_id=0,
        bos_token_id=1,
        eos_token_id=2,
    )


def nll(model: Any, rows: torch.Tensor) -> float:
    with torch.inference_mode():
        return sum(model(input_ids=row[None], labels=row[None]).loss.item() for row in rows) / len(rows)


if __name__ == "__main__":
    main()
