"""A whole student comparison on a bare CPU: a base made here, three data sets, two test sets, a local judge.

The data sets are the raw and the revised sides of the shared expert revisions (the same requests, answered worse and
better), and the revised responses dealt to other requests: the experts' form without their content. It shows that
data, training, answering, judging, resuming and the table work end to end, and how long they take. It does **not**
show which data set makes the better model: students of 5 million parameters answer next to nothing correctly, and the
local scorer is no judge of models (docs/measurements/scorer.md), so it can only see whether a student has
taken on the form of its data; the third data set shows how much of a gain is that. `--base` with a real model,
`--judge server` and hours on a GPU are for more.
"""

import argparse
import json
import os
import random
import sys
import tempfile
import time
from collections import Counter
from contextlib import redirect_stdout
from dataclasses import replace
from pathlib import Path

from assembly.judges import named_judges
from assembly.laboratory import StudentLaboratory
from coachlm.settings import load_settings
from evaluation.sets.test_sets import load_test_set
from evaluation.students.config import read_comparison
from evaluation.students.run import StudentComparison, answer_all, judge_answered
from recipes.small_base import pretrain
from trainer.plan.revisions import read_revisions


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--quick", action="store_true", help="a smaller base, fewer pairs and instructions: two minutes"
    )
    parser.add_argument("--base", help="a model folder or hub id instead of the base made here")
    parser.add_argument("--judge", action="append", help="judges; default: likeness, likeness-length-free and longer")
    arguments = parser.parse_args()
    name = os.environ.get("COACHLM_DATA_DIR")
    if not name:
        sys.exit("set COACHLM_DATA_DIR to the folder of public data sets (docs/reference/public-data.md)")
    with tempfile.TemporaryDirectory() as scratch:
        figures = measure(Path(name), Path(scratch), arguments)
    print(json.dumps(figures))


def measure(data: Path, scratch: Path, arguments: argparse.Namespace) -> dict[str, object]:
    began, worked = time.perf_counter(), time.process_time()
    figures: dict[str, object] = {}
    if arguments.base is None:
        with redirect_stdout(sys.stderr):
            figures |= pretrain(data / "corpora", scratch / "base", minutes=0.4 if arguments.quick else 2)
    figures["seconds_base"] = round(time.perf_counter() - began)
    write_data(data, scratch, 300 if arguments.quick else 1200)
    config = write_config(scratch, arguments)
    first = compare(config, scratch, data)
    figures["seconds_comparison"] = round(time.perf_counter() - began) - int(str(figures["seconds_base"]))
    resumed = time.perf_counter()
    again = compare(config, scratch, data)
    figures["seconds_resumed"] = round(time.perf_counter() - resumed)
    figures["same_when_resumed"] = again.as_dict() == first.as_dict()
    figures["seconds"] = round(time.perf_counter() - began)
    figures["cpu_seconds"] = round(time.process_time() - worked)
    return figures | table(first)


def write_data(data: Path, scratch: Path, count: int) -> None:
    """The same requests with the raw responses, with the experts', and with experts' to other requests."""
    items = list(read_revisions(data / "coachlm/expert_revisions.jsonl", None, Counter()))
    kept = [item for item in items if item.raw.response.strip() and item.revised.response.strip()][:count]
    revised = [item.revised for item in kept]
    dealt = random.Random(0).sample(revised, len(revised))
    sets = {
        "raw": [item.raw for item in kept],
        "revised": revised,
        "dealt": [replace(pair, response=other.response) for pair, other in zip(revised, dealt, strict=True)],
    }
    for name, pairs in sets.items():
        lines = (json.dumps(pair.as_dict()) + "\n" for pair in pairs)
        (scratch / f"{name}.jsonl").write_text("".join(lines), encoding="utf-8")


def write_config(scratch: Path, arguments: argparse.Namespace) -> Path:
    judges = arguments.judge or ["likeness", "likeness-length-free", "longer"]
    text = f"""
base = {json.dumps(arguments.base or str(scratch / "base"))}
test_sets = ["coachlm150", "vicuna80"]
judges = {json.dumps(judges)}
seeds = {[0] if arguments.quick else [0, 1]}
test_limit = {12 if arguments.quick else 40}
max_new_tokens = {48 if arguments.quick else 96}
batch_prompts = 20
[recipe]
epochs = 1
batch_pairs = 16
learning_rate = 5e-4
max_tokens = {128 if arguments.quick else 256}
[[arm]]
name = "raw"
data = "raw.jsonl"
[[arm]]
name = "experts"
data = "revised.jsonl"
[[arm]]
name = "dealt"
data = "dealt.jsonl"
"""
    path = scratch / "students.toml"
    path.write_text(text, encoding="utf-8")
    return path


def compare(config_path: Path, scratch: Path, data: Path) -> StudentComparison:
    config = read_comparison(config_path)
    sets = {
        name: [pair for pair in load_test_set(name, data) if pair.response.strip()][: config.test_limit]
        for name in config.test_sets
    }
    began = time.perf_counter()

    def on_stage(stage: str) -> None:
        print(f"{time.perf_counter() - began:6.0f} s  {stage}", file=sys.stderr, flush=True)

    answered = answer_all(config, StudentLaboratory(config), sets, scratch / "run", on_stage)
    with named_judges(config.judges, load_settings()) as judges:
        return judge_answered(config, answered, judges, sets, scratch / "run", on_stage)


def table(found: StudentComparison) -> dict[str, object]:
    figures: dict[str, object] = {}
    for each in found.results:
        place = f"{each.arm}_{each.test_set}_{each.judge}"
        wr1, gain = each.rates.wr1, each.rates.gain
        print(f"{place}: {each.answer_words:.1f} words, WR1 {wr1}, gain {gain}")
        figures[f"wr1_{place}"] = None if wr1 is None else round(wr1.value, 3)
        if gain is not None:
            figures[f"gain_{place}"] = [round(gain.value, 3), round(gain.low, 3), round(gain.high, 3)]
    return figures


if __name__ == "__main__":
    main()
