import re
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import pytest

from tests.docs.shell_examples import ROOT, pages

NOT_OURS = re.compile(
    r"\b(she|her|hers|he|his|him|sets? aside|near duplicates?|ingestion|sureness|never run on a gpu)\b", re.IGNORECASE
)
GENERATED = re.compile(r"<!-- generated.*?<!-- end[^>]*>", re.DOTALL)
FENCED = re.compile(r"^ *```.*?^ *```", re.MULTILINE | re.DOTALL)


def prose(page: Path) -> str:
    """The page without what is generated, fenced or code."""
    text = FENCED.sub("", GENERATED.sub("", page.read_text(encoding="utf-8")))
    return re.sub(r"`[^`]*`", "code", text)


def sentences(page: Path) -> Iterator[int]:
    """The length in words of each sentence outside tables."""
    lines = [line for line in prose(page).splitlines() if not re.match(r"[|#<!]|    ", line)]
    for paragraph in re.split(r"\n\s*\n|\n(?=\s*[-*] |\d\. )", "\n".join(lines)):
        for sentence in re.split(r"(?<=[.!?])\s+(?=[A-Z*(\[\"])", " ".join(paragraph.split())):
            if len(words := re.findall(r"[\w'’-]+", sentence)) > 2:
                yield len(words)


@pytest.mark.parametrize(
    "page", [page for page in pages() if page.name != "glossary.md"], ids=lambda page: page.relative_to(ROOT).as_posix()
)
def test_pages_use_the_words_of_the_glossary(page: Path) -> None:
    assert NOT_OURS.findall(prose(page)) == []


def test_half_of_all_sentences_are_short() -> None:
    assert median(length for page in pages() for length in sentences(page)) <= 16


def test_the_readme_fits_on_one_screen() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 60
