import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.shell_examples import ROOT, Block, blocks, command_lines, fault, pages

pytestmark = pytest.mark.slow

SAMPLES = ROOT / "coachlm" / "data" / "sample_logs"
START = ROOT / "docs" / "start.md"
RUN = {page: [block for block in blocks(page) if block.given] for page in pages()}


@pytest.fixture(scope="module")
def revised(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with the sample logs, revised by rules."""
    folder = tmp_path_factory.mktemp("revised")
    call(f"coachlm run {SAMPLES} --db sqlite:///my.db", folder)
    return folder / "my.db"


def call(script: str, folder: Path) -> str:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COACHLM_")}
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
    done = subprocess.run(
        ["sh", "-eu", "-c", script],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, f"{script}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def prepare(block: Block, folder: Path, database: Path) -> None:
    if block.given == "logs":
        shutil.copytree(SAMPLES, folder / "logs", dirs_exist_ok=True)
    elif block.given == "revised":
        for name in ("my.db", "coachlm.db"):  # by option, and where no option is given
            shutil.copy(database, folder / name)


@pytest.mark.parametrize(
    "page", [page for page, found in RUN.items() if found and page != START], ids=lambda page: page.stem
)
def test_marked_examples_run(page: Path, tmp_path: Path, revised: Path) -> None:
    for block in RUN[page]:
        prepare(block, tmp_path, revised)
        call(block.text, tmp_path)


def test_the_start_page_ends_with_the_data_set_that_it_promises(tmp_path: Path) -> None:
    outputs = [call(block.text, tmp_path) for block in RUN[START]]
    assert outputs[-1].split()[-3:] == ["README.md", "data.jsonl", "manifest.json"]
    data = (tmp_path / "dataset" / "data.jsonl").read_text(encoding="utf-8")
    assert len(data.splitlines()) == 2
    assert "<EMAIL_1>" in data
    assert "ada@example.org" not in data


def test_what_people_read_first_is_run() -> None:
    assert len(RUN[START]) >= 4
    assert RUN[ROOT / "README.md"]


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.relative_to(ROOT).as_posix())
def test_examples_name_commands_and_options_that_exist(page: Path) -> None:
    wrong = [f"coachlm {' '.join(words)}: {said}" for words in command_lines(page) if (said := fault(words))]
    assert wrong == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["runn", "logs"], "there is no command runn"),
        (["run", "logs", "--modell", "x"], "run has no option --modell"),
        (["train", "--base", "coach"], None),
        (["evaluate", "ratings", "make", "--study", "x"], None),
    ],
)
def test_a_wrong_command_line_is_seen(words: list[str], said: str | None) -> None:
    assert fault(words) == said


def modules() -> Iterator[str]:
    for page in pages():
        yield from re.findall(
            r"python -m ((?:benchmarks|recipes|devtools|tests)[\w.]*)", page.read_text(encoding="utf-8")
        )


def test_modules_that_are_to_be_run_exist() -> None:
    named = {name.rstrip(".") for name in modules()} - {"benchmarks.NAME"}
    places = {name: ROOT / name.replace(".", "/") for name in named}
    missing = [
        name
        for name, path in places.items()
        if not (path.with_suffix(".py").is_file() or (path / "__main__.py").is_file())
    ]
    assert len(named) > 20
    assert missing == []


def test_make_targets_that_are_named_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named = {
        target
        for page in pages()
        for line in re.findall(
            r"(?:^|`)make ([a-z][a-z -]*)(?:`|\s*(?:#|$))", page.read_text(encoding="utf-8"), re.MULTILINE
        )
        for target in line.split()
    }
    assert named - targets == set()
