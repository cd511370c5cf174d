"""Every regular expression of the product, and hostile strings for each of them."""

import ast
import importlib
import random
import re
import types
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from re import _constants as ops  # pyright: ignore[reportAttributeAccessIssue]
from re import _parser as parser  # pyright: ignore[reportAttributeAccessIssue]
from typing import Any

import regex

ROOT = Path(__file__).parents[2]
ROOMS = (
    "coachlm",
    "streams",
    "reviser",
    "storage",
    "exports",
    "trainer",
    "evaluation",
    "api",
    "dashboard",
    "assembly",
    "commands",
)
LENGTH = 30_000
_ANYWHERE = frozenset({"search", "finditer", "findall", "sub", "subn", "split"})
_FUNCTIONS = _ANYWHERE | {"compile", "match", "fullmatch"}
_SCRIPTS = ("dashboard/app.py", "dashboard/shell.py", "storage/migrations")  # others run them
_SET_VARIANTS, _DEPTH = 1, 4
_COMMON = (" ", "\n", "\t", " \n", "a", "A", "0", "a ", "a.", "\u4e00")


@dataclass(frozen=True)
class Found:
    """A pattern, where it stands and how it is used."""

    pattern: Any
    where: str
    anywhere: bool  # searched for, not only held against a whole text or its beginning

    @property
    def name(self) -> str:
        return f"{self.where} {self.pattern.pattern!r:.70}"

    def run(self, text: str) -> None:
        """As costly as the product's own use of it."""
        given: Any = text.encode() if isinstance(self.pattern.pattern, bytes) else text
        if not self.anywhere:
            self.pattern.match(given)
            self.pattern.fullmatch(given)
            return
        for _ in self.pattern.finditer(given):
            pass


def collect() -> list[Found]:
    """By import: of module's values, classes and tables; and those that functions write out themselves."""
    found: dict[Any, Found] = {}
    for file in _files():
        source = file.read_text(encoding="utf-8")
        name = ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        tree = ast.parse(source)
        for each in _written_out(tree, name):
            found.setdefault(each.pattern, each)
        try:
            module = importlib.import_module(name)
        except ImportError:  # packages of an extra
            continue
        for attribute, value in list(vars(module).items()):
            if not attribute.startswith("__"):
                is_searched = _is_searched(source, attribute)
                for pattern in _within(value, set()):
                    known = found.get(pattern)
                    if known is None or (is_searched and not known.anywhere):
                        found[pattern] = Found(pattern, f"{name}.{attribute}", is_searched)
    return list(found.values())


def hostile(pattern: Any) -> list[str]:
    """Strings of `LENGTH` characters that make a pattern with a fault slow: what it repeats, repeated, and every
    beginning of what it looks for, repeated, before an end that doesn't fit."""
    units: dict[str, None] = dict.fromkeys(f"\0{unit}" for unit in _COMMON)
    if isinstance(pattern, re.Pattern):
        text = pattern.pattern.decode("latin-1") if isinstance(pattern.pattern, bytes) else pattern.pattern
        tree = list(parser.parse(text, pattern.flags & ~re.UNICODE & ~re.DEBUG))
        for seed in range(_SET_VARIANTS):
            for prefix, unit in _pumps(tree, "", random.Random(seed), 0):
                units[f"{prefix}\0{unit}"] = None
    made: dict[str, None] = {}
    for pair in units:
        prefix, unit = pair.split("\0", 1)
        if unit:
            made[(prefix + unit * (LENGTH // len(unit) + 1))[:LENGTH] + "\x01"] = None
    return list(made)


def _files() -> Iterator[Path]:
    """Those that have to do with regular expressions."""
    for room in ROOMS:
        for file in sorted((ROOT / room).rglob("*.py")):
            source = file.read_text(encoding="utf-8")
            is_script = file.relative_to(ROOT).as_posix().startswith(_SCRIPTS)
            if not is_script and re.search(r"\bre(gex)?\b|pattern", source, re.IGNORECASE):
                yield file


def _written_out(tree: ast.AST, module: str) -> Iterator[Found]:
    """`re.sub(r"…", …)` and the like."""
    for node in ast.walk(tree):
        match node:
            case ast.Call(
                func=ast.Attribute(value=ast.Name(id="re" | "regex" as library), attr=method),
                args=[ast.Constant(value=str() | bytes() as text), *_],
            ) if method in _FUNCTIONS - {"compile"}:
                flags = 0
                for other in [*node.args[1:], *(keyword.value for keyword in node.keywords)]:
                    if isinstance(other, ast.Attribute) and hasattr(re, other.attr):
                        flags |= getattr(re, other.attr)
                compiled = (re if library == "re" else regex).compile(text, flags)
                yield Found(compiled, f"{module}:{node.lineno}", method in _ANYWHERE)


def _is_searched(source: str, attribute: str) -> bool:
    """Unless the only thing done with it is to hold it against a text's beginning or whole."""
    uses = re.findall(rf"\b{re.escape(attribute)}\b(?:\.(\w+))?", source)
    return not all(use in ("match", "fullmatch", "pattern") for use in uses[1:]) or len(uses) == 1


def _within(value: object, seen: set[int], depth: int = 0) -> Iterator[Any]:
    if isinstance(value, re.Pattern | regex.Pattern):
        yield value
        return
    plain = str | bytes | int | float | types.ModuleType | types.FunctionType
    if depth > _DEPTH or id(value) in seen or isinstance(value, plain):
        return
    seen.add(id(value))
    for each in _parts(value):
        yield from _within(each, seen, depth + 1)


def _parts(value: object) -> list[object]:
    if isinstance(value, dict):
        return [*value.keys(), *value.values()]
    if isinstance(value, list | tuple | set | frozenset):
        return list(value)
    kind = value if isinstance(value, type) else type(value)
    if kind.__module__.split(".")[0] not in ROOMS:
        return []
    if isinstance(value, type):
        return list(vars(value).values())
    names = [*getattr(kind, "__slots__", ()), *getattr(value, "__dict__", ())]
    return [getattr(value, name, None) for name in names]


def _pumps(tree: Sequence[Any], prefix: str, draw: random.Random, depth: int) -> Iterator[tuple[str, str]]:
    """What stands before a repetition with what is repeated, and each beginning of the whole as what is repeated."""
    said = prefix
    for op, argument in tree:
        if op in (ops.MAX_REPEAT, ops.MIN_REPEAT, ops.POSSESSIVE_REPEAT):
            _, most, body = argument
            unit = _sample(body, draw)
            if most > 20:
                yield said, unit
                yield "", said + unit
                yield "", said + unit * 3
            if depth < _DEPTH:
                yield from _pumps(list(body), said, draw, depth + 1)
        elif op is ops.SUBPATTERN and depth < _DEPTH:
            yield from _pumps(list(argument[3]), said, draw, depth + 1)
        elif op in (ops.ASSERT, ops.ASSERT_NOT) and depth < _DEPTH:
            yield from _pumps(list(argument[1]), said, draw, depth + 1)
        elif op is ops.ATOMIC_GROUP and depth < _DEPTH:
            yield from _pumps(list(argument), said, draw, depth + 1)
        elif op is ops.BRANCH and depth < _DEPTH:
            branches = argument[1]
            for branch in branches if len(branches) < 12 else draw.sample(branches, 12):
                yield from _pumps(list(branch), said, draw, depth + 1)
        said += _sample([(op, argument)], draw)
        yield "", said


def _sample(tree: Any, draw: random.Random) -> str:
    """A text that fits, more or less."""
    return "".join(_sample_of(op, argument, draw) for op, argument in tree)


def _sample_of(op: Any, argument: Any, draw: random.Random) -> str:
    if op in (ops.MAX_REPEAT, ops.MIN_REPEAT, ops.POSSESSIVE_REPEAT):
        least, most, body = argument
        return _sample(body, draw) * min(max(least, draw.randint(0, 1)), most)
    if op is ops.SUBPATTERN:
        return _sample(argument[3], draw)
    if op is ops.ATOMIC_GROUP:
        return _sample(argument, draw)
    if op is ops.BRANCH:
        return _sample(draw.choice(argument[1]), draw)
    return _character(op, argument, draw)


def _character(op: Any, argument: Any, draw: random.Random) -> str:
    if op is ops.LITERAL:
        return chr(argument)
    if op is ops.NOT_LITERAL:
        return "a" if argument != ord("a") else "b"
    if op is ops.ANY:
        return draw.choice("a .")
    if op is ops.IN:
        return _member(argument, draw)
    return _member([(op, argument)], draw) if op is ops.CATEGORY else ""


@cache
def _alphabet() -> str:
    return "".join(map(chr, range(32, 127))) + "\n\t\u00e9\u4e00\u00a0\u2019\u2013"


def _member(items: Sequence[Any], draw: random.Random) -> str:
    """A character of a set."""
    if items[0][0] is ops.NEGATE:
        excluded = "".join(_members(items[1:]))
        return draw.choice([char for char in "a 0.-,\u00e9" + _alphabet() if char not in excluded] or ["a"])
    return draw.choice(_members(items) or ["a"])


_OF_CATEGORY = {
    ops.CATEGORY_SPACE: " \n",
    ops.CATEGORY_DIGIT: "0",
    ops.CATEGORY_WORD: "aA0_",
    ops.CATEGORY_NOT_SPACE: "a.",
    ops.CATEGORY_NOT_DIGIT: "a ",
    ops.CATEGORY_NOT_WORD: " .-",
}


def _members(items: Sequence[Any]) -> list[str]:
    found: list[str] = []
    for op, argument in items:
        if op is ops.LITERAL:
            found.append(chr(argument))
        elif op is ops.RANGE:
            found += [chr(argument[0]), chr(argument[1])]
        elif op is ops.CATEGORY:
            found += _OF_CATEGORY.get(argument, "")
    return found
