"""Word lists kept as data: what a line means, and that no line can take long."""

import re
import tomllib
from pathlib import Path

import pytest

from coachlm.text.filters import word_lists
from coachlm.text.filters.word_lists import WordLists

_FILES = sorted((Path(word_lists.__file__).parent / "words").glob("*.toml"))
_TOML = """
[lists]
# Comments are TOML's or lines of their own.
fruit = '''
apples?|pears?
# of trees too
(black|red) ?currants?
'''
[patterns]
eats = '''
\\b(eat|like)s? {fruit}\\b
\\bgrow[\\w*+ ]{1,9}\\bfruit\\b
'''
[rules."eats fruit"]
triggers = "apple apples\\npear"
phrases = "^an? {fruit}$"
[words]
sour = "lemon lime"
"""


def lists(folder: Path, text: str = _TOML) -> WordLists:
    (folder / "fruit.toml").write_text(text, encoding="utf-8")
    return WordLists("fruit", folder)


@pytest.mark.parametrize(
    ("text", "is_found"),
    [
        ("she eats pears", True),
        ("i like blackcurrants", True),
        ("eats red currants", True),
        ("eats peaches", False),
        ("of trees too", False),
        ("growing any fruit", True),
        ("grow+fruit", True),
    ],
)
def test_a_line_is_an_alternative(tmp_path: Path, text: str, is_found: bool) -> None:
    assert bool(lists(tmp_path).pattern("eats").search(text)) is is_found


def test_a_rule_is_tried_where_a_trigger_occurs(tmp_path: Path) -> None:
    rule = lists(tmp_path).rule("eats fruit")
    assert (rule.name, rule.triggers) == ("eats fruit", {"apple", "apples", "pear"})
    assert rule.fires("an apple", frozenset({"an", "apple"}))
    assert not rule.fires("an apple", frozenset({"an"}))
    assert lists(tmp_path).words("sour") == {"lemon", "lime"}


def test_groups_capture_nothing(tmp_path: Path) -> None:
    assert lists(tmp_path).pattern("eats").groups == 0


@pytest.mark.parametrize("line", ["a*", "a+", "(ab)+", "a{2,}", "[ab]*", r"\w+", "(?!a+)b"])
def test_a_repeat_without_a_bound_is_refused(tmp_path: Path, line: str) -> None:
    with pytest.raises(ValueError, match=r"fruit.toml.*upper bound"):
        lists(tmp_path, f"[patterns]\nall = '''\n{line}\n'''").pattern("all")


def test_a_list_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"fruit.toml: \{nuts\} is not in the table"):
        lists(tmp_path, "[patterns]\nall = '{nuts}'").pattern("all")


@pytest.mark.parametrize("file", _FILES, ids=lambda file: file.stem)
def test_each_list_is_used(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    assert set(tomllib.loads(text)["lists"]) == set(re.findall(r"\{([a-z_]+)\}", text))
