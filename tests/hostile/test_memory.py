"""Intake's memory stays under the bound that docs/explanations/security.md states, whatever a small file unpacks to."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.hostile.files import BOMBS

MOST_MEBIBYTES = 600  # above what the stages take before they have read anything
_PROGRAM = """
import json, resource, sys
from coachlm.settings import load_settings
from streams.reading.batching import take_batch
from streams.reading.sources import read_source
from streams.reading.sources.records import ParseOptions
from streams.reading.stages import IntakeStages

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10

settings = load_settings()
options = ParseOptions.from_settings(settings)
stages = IntakeStages(settings, options, b"salt")
before, found = peak(), {}
for path in sys.argv[1:]:
    records, counts = read_source(path, options), [0, 0, 0]
    while batch := take_batch(records, settings.intake.batch_records):
        extract = stages.process(batch)
        counts[0] += len(extract.pairs)
        counts[1] += len(extract.rejects)
        counts[2] = max([counts[2], *(sum(map(len, item.sourced.pair.texts)) for item in extract.pairs)])
    found[path] = [*counts, peak() - before]
print(json.dumps(found))
"""


@pytest.mark.slow
def test_memory_of_intake_is_bounded_for_every_bomb(tmp_path: Path):
    paths = [str(bomb(tmp_path)) for bomb in BOMBS]
    assert all(Path(path).stat().st_size < 25_000_000 for path in paths)
    done = subprocess.run([sys.executable, "-c", _PROGRAM, *paths], capture_output=True, text=True, check=True)
    found = {Path(path).name: counts for path, counts in json.loads(done.stdout).items()}
    over = {name: peak for name, (*_, peak) in found.items() if peak > MOST_MEBIBYTES}
    assert over == {}, found
    assert all(pairs or rejects for pairs, rejects, *_ in found.values()), found
    assert found["long.jsonl.zst"][2] < 10_000  # an excerpt of each is kept
