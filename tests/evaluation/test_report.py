"""The report is one page that loads nothing, shows hostile text as text, and says the same as its JSON."""

import json
import re
import resource
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

from coachlm.desk.dataset import FlowCounts
from coachlm.errors import ExportError
from coachlm.pairs import ExcludeReason
from coachlm.revision import Field, Flag, FlagKind, Outcome, Revision
from coachlm.status import Status
from evaluation.report.files import write_report
from tests.dataset_rows import counts_of, make_row

FLOW = {
    "exact_duplicates": 3,
    "rejects_by_reason": {"malformed_json": 2, "unfinished": 1},
    "occurrences_by_format": {"openai_chat": 10, "alpaca": 4},
    "rejects_by_format": {"openai_chat": 3},
    "redactions_by_kind": {"email": 7},
}


def _rows():
    yield make_row(("waits for coach", "", "yes"), status=Status.ACCEPTED)
    yield make_row(("tel me a joke", "", "ok ok"), ("Tell me a joke.", "", "Okay."), Status.REVISED)
    yield make_row(("Same", "", "same."), outcome=Outcome.UNCHANGED, status=Status.APPROVED)
    yield make_row(("Fence", "", "```x"), outcome=Outcome.FALLBACK_GUARD, reason="code_fence", status=Status.REVISED)
    yield make_row(("See picture", "", "?"), status=Status.EXCLUDED, exclude_reason=ExcludeReason.MULTI_MODAL)
    yield make_row(("tel me a joke!", "", "ok"), status=Status.DUPLICATE, duplicate_of="ab" * 16)


class _Page(HTMLParser):
    """Tags with their attributes, and the text between them."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text += data


def _report(tmp_path, rows, title="Demo", **flow):
    rows = list(rows)
    summary = write_report(iter(rows), counts_of(rows, **flow), tmp_path / "report.html", title)
    return summary, _Page(tmp_path / "report.html")


def test_page_and_json_show_the_flow_the_reasons_and_the_paper_beside_our_figures(tmp_path):
    summary, page = _report(tmp_path, _rows(), **FLOW)
    text = " ".join(page.text.split())
    for words in (
        "malformed json",
        "multi modal",
        "code fence",
        "exact repeats 3",
        "excluded 1",
        "near copies 1",
        "waits for the coach 1",
        "fell back to raw 1",
        "approved 1",
        "the paper's INSTRUCTION",
        "128.7",
        "email",
        "coachlm revise",
        "coachlm queue next",
    ):
        assert words in text
    figures = json.loads((tmp_path / "report.json").read_text())
    assert figures["stages"] == summary.stages
    assert figures["stages"]["revised"] == {"fallback_guard": 1, "revised": 1}
    assert figures["rows"] == sum(figures["counts"]["by_status"].values()) == 6
    assert figures["statistics"]["all"]["changed"] == 1
    assert figures["paper_table_vii"]["response"]["words_after"] == 143.1


def test_word_diffs_mark_what_the_coach_changed(tmp_path):
    _report(tmp_path, _rows())
    html = (tmp_path / "report.html").read_text()
    assert "<del>tel</del><ins>Tell</ins> me a joke<ins>.</ins>" in html


HOSTILE = (
    '</title></style><script>alert(1)</script><img src=x onerror="alert(1)">{{ 7 * 7 }}\x00\x1b[31m\u202e&amp;\ud800'
)


@pytest.mark.slow
def test_hostile_text_is_shown_as_text_wherever_it_stands(tmp_path):
    flag = Flag(FlagKind.ADDED_URL, Field.RESPONSE, 0, 1, HOSTILE)
    raw = (HOSTILE, HOSTILE, HOSTILE)
    row = make_row(raw)
    revised = make_row((f"{HOSTILE}!", "", HOSTILE)).raw
    revision = Revision(row.pair_id, revised, Outcome.REVISED, engine=HOSTILE, flags=(flag,))
    rows = [
        make_row(raw, status=Status.REVISED, revision=revision),
        make_row((HOSTILE, "", "2"), outcome=Outcome.FALLBACK_INVALID, reason=HOSTILE, status=Status.REVISED),
    ]
    _, page = _report(tmp_path, rows, title=HOSTILE, occurrences_by_format={HOSTILE: 2})
    calm = [make_row(("a", "b", "c"), ("a!", "", "d"), Status.REVISED), make_row(("a", "", "2"), status=Status.REVISED)]
    _, plain = _report(tmp_path / "calm", calm)
    assert {tag for tag, _ in page.tags} <= {tag for tag, _ in plain.tags} | {"path"}
    assert page.text.count("<script>alert(1)</script>") >= 8
    assert "{{ 7 * 7 }}" in page.text
    assert not re.search(r"[\x00-\x08\x0b-\x1f]", page.text)


def test_the_page_loads_nothing_and_runs_nothing(tmp_path):
    _, page = _report(tmp_path, _rows(), **FLOW)
    assert {"script", "link", "img", "iframe", "object"}.isdisjoint(tag for tag, _ in page.tags)
    policy = next(a for tag, a in page.tags if tag == "meta" and a.get("http-equiv") == "Content-Security-Policy")
    assert "default-src 'none'" in (policy["content"] or "")
    links = [
        value
        for _, attributes in page.tags
        for name, value in attributes.items()
        if name in ("href", "src", "xlink:href")
    ]
    assert all((link or "").startswith("#") for link in links)
    assert "@import" not in (tmp_path / "report.html").read_text()


def test_an_empty_store_gives_a_page_too(tmp_path):
    summary = write_report([], FlowCounts(), tmp_path / "report.html", "Nothing yet")
    assert summary.rows == 0
    assert "No pair has been to the coach yet" in (tmp_path / "report.html").read_text()


@pytest.mark.slow
def test_the_same_store_shows_the_same_examples_in_whatever_order_rows_come(tmp_path):
    rows = [make_row((f"ask {n}", "", "w " * n), (f"Ask {n}.", "", "v " * (n + 1)), Status.REVISED) for n in range(300)]
    _report(tmp_path / "a", rows)
    _report(tmp_path / "b", reversed(rows))
    pages = [re.findall(r"pair [0-9a-f]{32}", (tmp_path / name / "report.html").read_text()) for name in ("a", "b")]
    assert pages[0] == pages[1]
    assert 6 <= len(pages[0]) == len(set(pages[0])) <= 12


def test_very_long_texts_are_cut_and_say_so(tmp_path):
    row = make_row(("Write", "", "word " * 10_000), ("Write.", "", "other " * 10_000), Status.REVISED)
    _report(tmp_path, [row])
    html = (tmp_path / "report.html").read_text()
    assert "more characters" in html
    assert len(html) < 200_000


def test_a_place_that_cannot_be_written_is_an_error_with_a_remedy(tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(ExportError, match="choose another place"):
        write_report([], FlowCounts(), tmp_path / "file" / "report.html", "x")


@pytest.mark.slow
def test_a_full_disk_leaves_the_earlier_report(tmp_path):
    _report(tmp_path, _rows())
    before = (tmp_path / "report.html").read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (5_000, hard))
    try:
        with pytest.raises(ExportError, match="Make room"):
            _report(tmp_path, list(_rows())[:2])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert (tmp_path / "report.html").read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["report.html", "report.json"]


_MEMORY = """
import resource, sys
from pathlib import Path
from coachlm.desk.dataset import FlowCounts
from coachlm.status import Status
from evaluation.report.files import write_report
from tests.dataset_rows import make_row
count = int(sys.argv[1])
rows = (
    make_row((f"ask {n}", "", f"answer {n} " * 40), (f"Ask {n}.", "", f"An answer {n} " * 40), Status.REVISED)
    for n in range(count)
)
write_report(rows, FlowCounts(), Path(sys.argv[2]), "memory")
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


@pytest.mark.slow
def test_memory_is_flat(tmp_path):
    """50,000 pairs against a tenth of them."""

    def peak_mb(count: int) -> int:
        command = [sys.executable, "-c", _MEMORY, str(count), str(tmp_path / f"{count}.html")]
        root = Path(__file__).parents[2]
        return int(subprocess.run(command, check=True, capture_output=True, text=True, cwd=root).stdout)

    assert peak_mb(50_000) - peak_mb(5_000) < 30
