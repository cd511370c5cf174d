"""What 0.1.0 says of the same pairs: its own code, taken from the repository's tag into a folder of its own."""

import io
import json
import os
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Sequence
from pathlib import Path

from coachlm.pairs import InstructionPair

_TAG = "v0.1.0"
_EARLIER_CHARS = 8_000
_SCRIPT = """
import json, sys
from coachlm.classes import TaskClassifier
from coachlm.filters import PreliminaryFilter
from coachlm.language import pair_language
from coachlm.pairs import InstructionPair
from coachlm.settings import load_settings

chosen, classes = PreliminaryFilter.from_settings(load_settings()), TaskClassifier.load()
for line in sys.stdin:
    pair = InstructionPair(*json.loads(line))
    exclusion = chosen.check(pair, language=pair_language(pair))
    print(json.dumps([exclusion and exclusion.reason.value, classes.classify([pair])[0][0].value]))
"""


def released_verdicts(pairs: Sequence[InstructionPair]) -> list[tuple[str | None, str]] | None:
    """For each pair 0.1.0's reason of exclusion, or None, and its task class; None where the tag isn't at hand."""
    archive = subprocess.run(["git", "archive", _TAG, "coachlm"], check=False, capture_output=True)
    if archive.returncode:
        print(f"0.1.0 is left out: no tag {_TAG} here (git fetch --tags)", file=sys.stderr)
        return None
    with tempfile.TemporaryDirectory() as folder:
        with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as code:
            code.extractall(folder, filter="data")
        run = subprocess.run(
            [sys.executable, "-c", _SCRIPT],
            input="".join(json.dumps([pair.instruction, _material(pair), pair.response]) + "\n" for pair in pairs),
            stdout=subprocess.PIPE, text=True, check=True, cwd=folder,
            env={**os.environ, "PYTHONPATH": str(Path(folder))},
        )  # fmt: skip
    return [tuple(json.loads(line)) for line in run.stdout.splitlines()]


def _material(pair: InstructionPair) -> str:
    """0.1.0 knew no context: its intake put what was said before in front of the input."""
    before = pair.context.recent(_EARLIER_CHARS) if pair.context else ""
    return f"{before}\n\n{pair.input}".strip()
