from pathlib import Path

import pytest

from devtools.links import faults


def test_links_paths_and_tests_of_the_documentation_exist() -> None:
    assert list(faults()) == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[a](other.md)", "links to other.md, which does not exist"),
        ("[a](#nowhere)", "links to #nowhere, and no heading there makes that anchor"),
        ('<img src="none.png">', "links to none.png, which does not exist"),
        ("`storage/none.py`", "names storage/none.py, which does not exist"),
        ("`test_none.py`", "names test_none.py, which is no file of tests"),
        ("`…::test_that_is_none`", "names test_that_is_none, which is no test"),
    ],
)
def test_what_is_missing_is_named(text: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "page.md").write_text(f"# A heading\n\n{text}, [here](#a-heading), `storage/NAME.py`\n")
    assert list(faults(tmp_path)) == [f"docs/page.md: {said}"]


def test_a_page_that_code_names_must_exist(tmp_path: Path) -> None:
    (tmp_path / "storage").mkdir()
    (tmp_path / "storage" / "queue.py").write_text("# See docs/none.md.\n")
    assert list(faults(tmp_path)) == ["storage/queue.py: names docs/none.md, which does not exist"]
