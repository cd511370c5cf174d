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

from coachlm.context import Context
from coachlm.pairs import InstructionPair

_TAG = "v0.1.0"
_SCRIPT = """
import json, sys
from coachlm.classes import TaskClassifier
from coachlm.context import Context, ContextMessage, Role
from coachlm.filters import PreliminaryFilter
from coachlm.language import pair_language
from coachlm.pairs import InstructionPair
from coachlm.settings import load_settings

chosen, classes = PreliminaryFilter.from_settings(load_settings()), TaskClassifier.load()
for line in sys.stdin:
    instruction, given, response, messages = json.loads(line)
    context = Context(messages=tuple(ContextMessage(Role(role), text) for role, text in messages)) if messages else None
    pair = InstructionPair(instruction, given, response, context)
    exclusion = chosen.check(pair, language=pair_language(pair))
    print(json.dumps([exclusion and exclusion.reason.value, classes.classify([pair])[0][0].value]), flush=False)
"""


def released_verdicts(pairs: Sequence[InstructionPair]) -> list[tuple[str | None, str]] | None:
    """For each pair 0.1.0's reason of exclusion, or None, and its task class; None where the tag isn't at hand."""
    archive = subprocess.run(["git", "archive", _TAG, "coachlm"], capture_output=True)
    if archive.returncode:
        print(f"0.1.0 is left out: no tag {_TAG} here (git fetch --tags)", file=sys.stderr)
        return None
    with tempfile.TemporaryDirectory() as folder:
        tarfile.open(fileobj=io.BytesIO(archive.stdout)).extractall(folder, filter="data")
        run = subprocess.run(
            [sys.executable, "-c", _SCRIPT],
            input="".join(json.dumps([*pair.texts, _messages(pair.context)]) + "\n" for pair in pairs),
            capture_output=True, text=True, check=True, cwd=folder, env={**os.environ, "PYTHONPATH": str(Path(folder))},
        )  # fmt: skip
    return [tuple(json.loads(line)) for line in run.stdout.splitlines()]


def _messages(context: Context | None) -> list[tuple[str, str]]:
    return [(message.role.value, message.text) for message in context.messages] if context else []
