"""Makes what ships of a trained adapter: `python -m recipes.coach_lm.bundle ADAPTER [--acceptance FILE]`.

The weights in 16 bits, how it is asked, whose instructions it was trained on (hashes, for the leak guard), and the
acceptance model beside it. The base doesn't ship: `make coach-lm` makes it.
"""

import argparse
import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save_file

from coachlm.acceptance.model import FILE, read_acceptance
from coachlm.coaching.prompting import PROMPT_FILE
from reviser.choosing.bundled_lm import FOLDER
from reviser.models.adapter import TRAINING_INSTRUCTIONS, WEIGHTS, read_adapter

MOST_BYTES = 12 << 20
BASE_NAME = "SmolLM2-135M-Instruct"
_CONFIG = "adapter_config.json"


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("adapter", type=Path, help="the folder that training wrote")
    parser.add_argument("--acceptance", type=Path)
    parser.add_argument("--output", type=Path, default=FOLDER)
    options = parser.parse_args(arguments)
    target = options.output / "adapter"
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    write_adapter(options.adapter, target)
    if options.acceptance:
        read_acceptance(options.acceptance)
        shutil.copyfile(options.acceptance, options.output / FILE)
    adapter = read_adapter(target)
    size = sum(path.stat().st_size for path in target.iterdir())
    if size > MOST_BYTES:
        raise SystemExit(f"{target} has {size:,} bytes, and at most {MOST_BYTES:,} ship: take a smaller rank")
    print(json.dumps({"adapter": adapter.digest, "bytes": size, "instructions": len(adapter.training_instructions)}))


def write_adapter(source: Path, target: Path) -> None:
    with np.errstate(over="ignore"):  # what doesn't fit becomes infinite, and is refused below
        tensors = {name: each.astype(np.float16) for name, each in load_file(source / WEIGHTS).items()}
    if any(not np.isfinite(each).all() for each in tensors.values()):
        raise SystemExit(f"{source}: a weight does not fit into 16 bits")
    save_file(tensors, target / WEIGHTS, metadata={"format": "pt"})
    config = json.loads((source / _CONFIG).read_text(encoding="utf-8")) | {"base_model_name_or_path": BASE_NAME}
    (target / _CONFIG).write_text(json.dumps(config, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    for name in (PROMPT_FILE, TRAINING_INSTRUCTIONS):
        if (source / name).is_file():
            shutil.copyfile(source / name, target / name)


if __name__ == "__main__":
    main()
