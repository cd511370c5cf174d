import shutil
from pathlib import Path

import pytest

from devtools.reference.__main__ import REFERENCE, outdated
from devtools.reference.blocks import written


def test_the_reference_is_what_the_code_says() -> None:
    assert [path.name for path in outdated(REFERENCE)] == [], "run python -m devtools.reference"


def test_a_page_that_differs_from_the_code_is_seen(tmp_path: Path) -> None:
    shutil.copytree(REFERENCE, tmp_path, dirs_exist_ok=True)
    page = tmp_path / "settings.md"
    text = page.read_text(encoding="utf-8")
    page.write_text(text.replace("| `COACHLM_ENGINE` |", "| `COACHLM_MOTOR` |"), encoding="utf-8")
    assert outdated(tmp_path) == {page: text}


def test_a_page_without_markers_is_refused() -> None:
    with pytest.raises(ValueError, match="generated: settings"):
        written("# Settings\n", "settings", "")
