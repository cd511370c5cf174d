import re
from pathlib import Path

DECISIONS = Path(__file__).parents[2] / "docs" / "decisions"
RECORDS = sorted(DECISIONS.glob("[0-9]*.md"))
STATUSES = r"accepted(, untested on a GPU)?|negative result|superseded by \d{4}"


def test_records_are_numbered_without_gaps() -> None:
    assert [record.name[:4] for record in RECORDS] == [f"{number:04d}" for number in range(1, len(RECORDS) + 1)]


def test_a_record_is_short_and_says_context_choice_and_consequences() -> None:
    for record in RECORDS:
        text = record.read_text(encoding="utf-8")
        assert len(text.splitlines()) <= 30, record.name
        assert re.match(rf"# {record.name[:4]}\. \S", text), record.name
        assert re.search(rf"^Date: \d{{4}}-\d\d-\d\d · Status: ({STATUSES})$", text, re.MULTILINE), record.name
        assert re.findall(r"^## (.+)$", text, re.MULTILINE) == ["Context", "Choice", "Consequences"], record.name


def test_the_index_lists_every_record_with_its_title() -> None:
    index = (DECISIONS / "README.md").read_text(encoding="utf-8")
    for record in RECORDS:
        title = record.read_text(encoding="utf-8").partition("\n")[0].partition(". ")[2]
        assert f"| [{record.name[:4]}]({record.name}) | {title} |" in index, record.name
