"""Train the bundled coach's weights: COACHLM_DATA_DIR=… python -m recipes.coach.train --work FOLDER

Hours on a core, resumable at any time: run it again and it goes on from its last checkpoint.
"""

import argparse
import json
import os
import sys
import time
from itertools import islice
from pathlib import Path
from typing import Any

import torch

from coachlm.machine.files import whole_file, write_whole
from recipes.coach.batches import BATCH_ROWS, ROW_TOKENS, BatchMaker, batches, pieces
from recipes.coach.corpora import Part, misspellings, prose_texts, records, vocabulary
from recipes.coach.corruption import Damage
from recipes.coach.model import losses, neighbour_embeddings, new_model
from reviser.coach.lexicon import WORDS_AT, Lexicon
from reviser.rules.spelling import Speller

STEPS = 4_200
PEAK_RATE = 1.5e-3
WARM_UP = 200
DECAY = 0.35  # of the steps, at the end
TUNE_BATCHES = 24
SAVE_EVERY = 200
_TUNE_FROM = 10_000_000  # numbers of the batches that tune


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, required=True, help="checkpoints, vocabulary, log of losses")
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    folder = os.environ.get("COACHLM_DATA_DIR")
    if not folder:
        sys.exit("set COACHLM_DATA_DIR to the folder of public data sets (docs/reference/public-data.md)")
    torch.set_num_threads(options.threads)
    train(Path(folder), options.work, options.steps)


def train(data: Path, work: Path, steps: int) -> Path:
    """The file of trained weights; done at once when it exists."""
    work.mkdir(parents=True, exist_ok=True)
    speller, misspelled = Speller(), misspellings(data)
    found = list(records(data))
    texts = {part: list(prose_texts((r for r in found if r.part is part), speller)) for part in (Part.TRAIN, Part.TUNE)}
    words = work / "words.txt"
    if not words.exists():
        chosen = vocabulary(texts[Part.TRAIN], frozenset(misspelled), speller)
        write_whole(words, "".join(f"{w}\t{n}\n" for w, n in chosen).encode())
    lexicon = Lexicon.parse(words.read_text(encoding="utf-8"), speller)
    damage = Damage(lexicon, misspelled)
    train_pieces = pieces(texts[Part.TRAIN])
    print(f"{len(texts[Part.TRAIN]):,} texts, {sum(len(p.tokens) for p in train_pieces):,} tokens", flush=True)
    torch.manual_seed(0)
    model = new_model(len(lexicon))
    if not (work / "checkpoint.pt").exists():
        first = neighbour_embeddings([piece.tokens for piece in train_pieces], lexicon)
        with torch.no_grad():
            model.bert.embeddings.word_embeddings.weight[WORDS_AT:] = torch.from_numpy(first[WORDS_AT:])
    tune = BatchMaker(pieces(texts[Part.TUNE]), lexicon, damage)
    tuning = [tune.make(_TUNE_FROM + number) for number in range(TUNE_BATCHES)]
    return run(model, BatchMaker(train_pieces, lexicon, damage), tuning, work, last=steps, steps=steps)


def run(model: Any, maker: BatchMaker, tuning: list[Any], work: Path, *, last: int, steps: int) -> Path:
    """From the last checkpoint up to step `last` of a schedule of `steps`."""
    decayed = [p for p in model.parameters() if p.ndim > 1]
    plain = [p for p in model.parameters() if p.ndim <= 1]
    groups = [{"params": decayed, "weight_decay": 0.01}, {"params": plain, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=PEAK_RATE, betas=(0.9, 0.98), fused=True)
    done = resume(work / "checkpoint.pt", model, optimizer)
    began, noted, sums = time.monotonic(), done, [0.0] * 4
    stream = batches(maker, done)
    for step, batch in enumerate(islice(stream, last - done), start=done + 1):
        for group in optimizer.param_groups:
            group["lr"] = PEAK_RATE * rate(step, steps)
        found = losses(model, batch)
        found.total.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        sums = [total + value for total, value in zip(sums, found.values(), strict=True)]
        if step % SAVE_EVERY == 0 or step == last:
            speed = (step - done) * BATCH_ROWS * ROW_TOKENS / (time.monotonic() - began)
            note(work, step, [s / (step - noted) for s in sums], tuned(model, tuning), speed)
            noted, sums = step, [0.0] * 4
            state = {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "step": step}
            with whole_file(work / "checkpoint.pt") as path:
                torch.save(state, path)
    stream.close()
    return work / "checkpoint.pt"


def rate(step: int, steps: int) -> float:
    """Up over the warm-up, level, and down to 2 % over the last part: what was level can be continued for longer."""
    down = min((steps - step) / (steps * DECAY), 1)
    return min(step / WARM_UP, 0.02 + 0.98 * max(down, 0))


def tuned(model: Any, tuning: list[Any]) -> list[float]:
    with torch.inference_mode():
        found = [losses(model, batch).values() for batch in tuning]
    return [sum(values) / len(found) for values in zip(*found, strict=True)]


def note(work: Path, step: int, train_losses: list[float], tune_losses: list[float], speed: float) -> None:
    line = {"step": step, "train": train_losses, "tune": tune_losses, "tokens_per_second": round(speed)}
    with (work / "losses.jsonl").open("a", encoding="utf-8") as log:
        log.write(json.dumps(line) + "\n")
    print(json.dumps(line), flush=True)


def resume(path: Path, model: Any, optimizer: Any) -> int:
    if not path.exists():
        return 0
    state = torch.load(path, weights_only=True)
    model.load_state_dict(state["model"])
    optimizer.load_state_dict(state["optimizer"])
    return state["step"]


if __name__ == "__main__":
    main()
