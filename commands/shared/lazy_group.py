"""A group of commands that imports a command's module when that command is asked for."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import click
from click.utils import make_default_short_help


@dataclass(frozen=True, slots=True)
class Entry:
    """Where a command stands, as MODULE:NAME, and the first sentence of its help."""

    place: str
    help: str


class LazyGroup(click.Group):
    """Its own commands, and those of a table, which are known by name and line of help until one of them is run."""

    def __init__(self, *args: Any, entries: Mapping[str, Entry], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._entries = dict(entries)

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted({*super().list_commands(ctx), *self._entries})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.commands and (entry := self._entries.get(cmd_name)) is not None:
            module, _, name = entry.place.partition(":")
            self.add_command(getattr(import_module(module), name), cmd_name)
        return super().get_command(ctx, cmd_name)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        names = self.list_commands(ctx)
        width = formatter.width - 6 - max(map(len, names))
        with formatter.section("Commands"):
            formatter.write_dl([(name, make_default_short_help(self._help(name), width)) for name in names])

    def _help(self, name: str) -> str:
        entry = self._entries.get(name)
        return entry.help if entry is not None else self.commands[name].help or ""
