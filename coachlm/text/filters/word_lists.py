"""Word lists kept as data: `words/*.toml` become compiled patterns.

A list, a pattern or a rule's phrases is a text of lines. Each line is an alternative; one that begins with `# ` is a
comment. In a line, `(a|b)` groups, `{list}` stands for any line of that list, and the rest is as in regular
expressions, except that every repeat has an upper bound: the time for a text is bounded by its length.
"""

import re
import tomllib
from pathlib import Path
from typing import Any

from coachlm.text.filters.base import Rule, word_set

_FOLDER = Path(__file__).parent / "words"
_PIECE = re.compile(
    r"\\.|\[\^?(?:\\.|[^\]\[\\])+\]"  # an escape and a class stay as they are
    r"|\((?!\?)|\{(?P<name>[a-z_]+)\}|(?P<unbounded>[*+]|\{\d*,\})"
)


class WordLists:
    """The lists of one filter."""

    def __init__(self, name: str, folder: Path = _FOLDER) -> None:
        self._file = f"{name}.toml"
        text = (folder / self._file).read_text(encoding="utf-8")
        self._tables: dict[str, dict[str, Any]] = tomllib.loads(text)

    def words(self, name: str) -> frozenset[str]:
        """Plain words apart by blanks, of the table `words`."""
        return word_set(self._tables["words"][name])

    def pattern(self, name: str, flags: int = 0) -> re.Pattern[str]:
        """Of the table `patterns`."""
        return re.compile(self._any_of(self._tables["patterns"][name]), flags)

    def rule(self, name: str) -> Rule:
        """Of the table `rules`: the phrases are tried where one of the trigger words occurs."""
        fields = self._tables["rules"][name]
        return Rule(name, word_set(fields["triggers"]), re.compile(self._any_of(fields["phrases"])))

    def _any_of(self, lines: str) -> str:
        stripped = (line.strip() for line in lines.splitlines())
        return "|".join(_PIECE.sub(self._compiled, line) for line in stripped if line and not line.startswith("# "))

    def _compiled(self, piece: re.Match[str]) -> str:
        if piece["unbounded"]:
            raise ValueError(f"{self._file}: {piece.string!r}: give {piece[0]} an upper bound, as in {{0,20}}")
        if piece["name"]:
            return f"(?:{self._any_of(self._list(piece['name']))})"
        return "(?:" if piece[0] == "(" else piece[0]

    def _list(self, name: str) -> str:
        if name not in self._tables.get("lists", {}):
            raise ValueError(f"{self._file}: {{{name}}} is not in the table `lists`; add it there or correct the name")
        return self._tables["lists"][name]
