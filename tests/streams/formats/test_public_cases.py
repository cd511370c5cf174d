"""The project's collection of shapes from public reports, where this machine has it (COACHLM_CASES_DIR).

What belongs to verdicts on texts (kinds P to S), and to exports (`export_chat`), is tested elsewhere.
"""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from benchmarks.public_cases import faults_of, intake
from coachlm.settings import load_settings
from streams.reading.sources.records import ParseOptions
from streams.reading.stages import IntakeStages

FOLDER = os.environ.get("COACHLM_CASES_DIR", "")
CASES = sorted(Path(FOLDER).glob("*/expected.json")) if FOLDER else []
OF_OTHERS = ("P ", "Q ", "R ", "S ")

pytestmark = pytest.mark.skipif(not CASES, reason="COACHLM_CASES_DIR names no folder of public reports")


@pytest.fixture(scope="module")
def stages() -> IntakeStages:
    settings = load_settings()
    return IntakeStages(settings, ParseOptions.from_settings(settings), b"salt")


@pytest.mark.parametrize("path", CASES, ids=[path.parent.name for path in CASES])
def test_public_report(path: Path, stages: IntakeStages) -> None:
    case: dict[str, Any] = json.loads(path.read_text())
    if case["kind"].startswith(OF_OTHERS):
        pytest.skip("a verdict on texts, tested there")
    accepted, rejects = intake(stages, [file for file in sorted(path.parent.iterdir()) if file != path])

    assert not faults_of(case, accepted, rejects), (accepted, rejects)
