"""What the pages are made of, without a browser: texts as HTML, CSV, who sees which page."""

import csv
import io
from datetime import UTC, datetime
from html.parser import HTMLParser

from hypothesis import given, settings
from hypothesis import strategies as st

from api.models.figures import StageHour
from api.models.people import PersonRole
from dashboard.catalogue import PAGES, pages_for
from dashboard.parts.charts import csv_of
from dashboard.parts.texts import plain, visible
from dashboard.views.overview import every_hour

_PIECES = ["word", " ", "\n", "<b>", "</ins>", "<script>", "&amp;", "&lt", '"', "'", "漢", "\u202e", "\x1b[31m", "\x00"]
texts = st.lists(st.sampled_from(_PIECES), max_size=25).map("".join)


class Reader(HTMLParser):
    """What a browser would make of an element with the text in it and in an attribute: no other tag, and the text."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.text = self.attribute = ""
        self.feed(f'<p title="{plain(text)}">{plain(text)}</p>')
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attribute = dict(attrs)["title"] or ""

    def handle_data(self, data: str) -> None:
        self.text += data


@settings(max_examples=150)
@given(texts)
def test_a_text_is_text_and_no_markup(text: str) -> None:
    read = Reader(text)
    assert read.tags == ["p"]
    assert (read.text, read.attribute) == (visible(text), visible(text))


def test_hidden_characters_are_named() -> None:
    assert visible("a\u202eb\x1b[0m\tc\n\ud800") == "a⟨U+202E⟩b⟨U+001B⟩[0m\tc\n⟨U+D800⟩"


def test_a_very_long_text_is_cut_and_says_so() -> None:
    html = plain("w" * 1_000_000)
    assert len(html) < 61_000
    assert html.endswith("… 940,000 characters more")


@given(st.lists(st.text("=+-@\t\r\n ,'\"a", max_size=5), min_size=1, max_size=5))
def test_no_cell_of_a_csv_is_a_formula(values: list[str]) -> None:
    text = csv_of([{"person": value, "pairs": number} for number, value in enumerate(values)])
    rows = list(csv.reader(io.StringIO(text, newline="")))
    assert len(rows) == len(values) + 1
    assert not [row for row in rows for cell in row if cell.lstrip(" \n")[:1] in ("=", "+", "-", "@", "\t", "\r")]


def test_numbers_of_a_csv_stay_numbers() -> None:
    assert csv_of([{"low": -0.5}, {"low": 2.0}, {"low": None}]) == '"low"\n-0.5\n2.0\n""\n'


def test_hours_without_anything_are_zeros() -> None:
    stages = [
        StageHour(
            start=datetime(2026, 3, 1, hour, tzinfo=UTC),
            stage=stage,
            pairs=3,
            per_minute=0.05,
            tokens=0,
            tokens_per_second=None,
        )
        for hour, stage in ((5, "accepted"), (7, "revised"))
    ]
    rows = every_hour(stages, datetime(2026, 3, 1, 8, 30, tzinfo=UTC))
    shown = {(row["stage"], row["hour"].hour): row["pairs"] for row in rows}
    assert shown == {
        (stage, hour): 3 * ((stage, hour) in {("accepted", 5), ("revised", 7)})
        for stage in ("accepted", "revised")
        for hour in (5, 6, 7, 8)
    }


def test_every_role_starts_somewhere_and_sees_what_is_its_own() -> None:
    shown = {role: [page.path for page in pages_for(role)] for role in PersonRole}
    assert shown == {
        PersonRole.INGEST: [],
        PersonRole.ANNOTATOR: ["desk", "ratings", "people"],
        PersonRole.OWNER: [
            "desk",
            "review",
            "exclusions",
            "ratings",
            "overview",
            "rejects",
            "people",
            "adapters",
            "studies",
        ],
        PersonRole.OPERATOR: ["overview", "rejects", "people", "adapters", "studies"],
        PersonRole.ADMIN: [page.path for page in PAGES if page.path != "ratings"],  # who could read the key
    }
