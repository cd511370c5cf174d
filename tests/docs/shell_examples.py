"""The shell examples of the documentation: marked blocks that are run, and command lines that are looked at."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import click

from devtools.reference.commands import command_tree

ROOT = Path(__file__).parents[2]
_BLOCK = re.compile(
    r"(?:<!-- run(?:: (?P<given>\w+))? -->\n)?^( *)```(?:sh)?\n(?P<text>.*?)^\2```$", re.MULTILINE | re.DOTALL
)
_INLINE = re.compile(r"`(coachlm [^`]+)`")
_ENDS = frozenset({"|", "||", "&&", ">", ">>", "<", ";", "&", "#"})


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced shell example; `given` names what its folder holds beforehand, None: it is not run."""

    page: str
    text: str
    given: str | None


def pages() -> list[Path]:
    return [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]


def blocks(page: Path) -> Iterator[Block]:
    text = page.read_text(encoding="utf-8")
    for match in _BLOCK.finditer(text):
        is_run = match[0].startswith("<!-- run")
        yield Block(page.relative_to(ROOT).as_posix(), match["text"], (match["given"] or "nothing") if is_run else None)


def command_lines(page: Path) -> Iterator[list[str]]:
    """Every call of coachlm in the page's examples and prose, as words; what follows a pipe or comment is left out."""
    text = page.read_text(encoding="utf-8")
    lines = [line for block in blocks(page) for line in block.text.replace("\\\n", " ").splitlines()]
    for line in [*lines, *_INLINE.findall(text.replace("\n", " "))]:
        if (words := _call(line)) is not None:
            yield words


def _call(line: str) -> list[str] | None:
    try:
        words = shlex.split(line, comments=True)
    except ValueError:
        return None
    while words and re.fullmatch(r"\$|[A-Z_]+=.*|\.venv/bin/.*", words[0]) and not words[0].endswith("/coachlm"):
        words = words[1:]
    if not words or words[0] not in ("coachlm", ".venv/bin/coachlm"):
        return None
    end = next((place for place, word in enumerate(words) if word in _ENDS), len(words))
    return words[1:end]


@cache
def _root() -> click.Group:
    return command_tree()


def fault(words: list[str]) -> str | None:
    """What is wrong with a call: a command or option that does not exist; None where all of them do."""
    command: click.Command = _root()
    rest = list(words)
    while rest and isinstance(command, click.Group):
        inner = command.get_command(click.Context(command), rest[0])
        if inner is None:
            break
        command, rest = inner, rest[1:]
    if command is _root() and rest and re.fullmatch(r"[a-z][a-z-]*", rest[0]):
        return f"there is no command {rest[0]}"
    known = {"--help", "-h", "--version", *_options(command)}
    unknown = [word for word in rest if re.match(r"--?[a-z]", word) and word.split("=")[0] not in known]
    return f"{command.name} has no option {', '.join(unknown)}" if unknown else None


def _options(command: click.Command) -> set[str]:
    names = {name for option in command.params for name in (*option.opts, *option.secondary_opts)}
    if isinstance(command, click.Group):  # a group may have a default command
        context = click.Context(command)
        for name in command.list_commands(context):
            if (inner := command.get_command(context, name)) is not None:
                names |= _options(inner)
    return names
