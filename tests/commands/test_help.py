"""What `--help` says: each command's summary fits its line."""

from collections.abc import Iterator

import click
import pytest

from commands import main

_LINE = 78
_INDENT = 6


def _summaries(group: click.Group, context: click.Context) -> Iterator[tuple[str, str]]:
    names = group.list_commands(context)
    room = _LINE - _INDENT - max(map(len, names), default=0)
    for name in names:
        command = group.get_command(context, name)
        assert command is not None
        path = f"{context.command_path} {name}".strip()
        yield path, command.get_short_help_str(room)
        if isinstance(command, click.Group):
            yield from _summaries(command, click.Context(command, parent=context, info_name=name))


@pytest.mark.parametrize(("path", "summary"), _summaries(main, click.Context(main, info_name="coachlm")))
def test_a_summary_is_whole(path: str, summary: str) -> None:
    assert summary, f"{path} has no help text"
    assert not summary.endswith(("...", "…")), f"{path}: shorten the first sentence of its docstring: {summary}"
