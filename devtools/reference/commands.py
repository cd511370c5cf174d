"""Every console command with its arguments and options, from the command line that is installed."""

from collections.abc import Iterator
from importlib.metadata import entry_points

import click

from devtools.reference.blocks import sentence, table

_EVERYWHERE = ("--help", "--json")


def command_tree() -> click.Group:
    """The console script `coachlm`, as it is installed."""
    (script,) = entry_points(group="console_scripts", name="coachlm")
    return script.load()


def walk(
    command: click.Command, path: tuple[str, ...] = ("coachlm",)
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """The command and all below it, with the words that call each."""
    yield path, command
    if isinstance(command, click.Group):
        context = click.Context(command, info_name=path[-1])
        for name in command.list_commands(context):
            if (inner := command.get_command(context, name)) is not None and not inner.hidden:
                yield from walk(inner, (*path, name))


def render_commands() -> str:
    parts = [_summary(), *(_command(path, command) for path, command in walk(command_tree()) if len(path) > 1)]
    return "\n\n".join(parts)


def _summary() -> str:
    tops = [(path, command) for path, command in walk(command_tree()) if len(path) == 2]
    rows = [(f"[`{' '.join(path)}`](#{'-'.join(path)})", sentence(_first(command))) for path, command in tops]
    return table(("command", "what it does"), rows)


def _command(path: tuple[str, ...], command: click.Command) -> str:
    level = "##" if len(path) == 2 else "###"
    parts = [f"{level} {' '.join(path)}", _about(command)]
    if not isinstance(command, click.Group):
        parts.insert(1, f"```\n{' '.join(path)}{_usage(command)}\n```")
        options = [option for option in command.params if _is_shown(option)]
        if options:
            parts.append(table(("option", "meaning", "default"), map(_option, options)))
    return "\n\n".join(part for part in parts if part)


def _usage(command: click.Command) -> str:
    context = click.Context(command)
    return "".join(f" {piece}" for piece in command.collect_usage_pieces(context))


def _about(command: click.Command) -> str:
    paragraphs = (command.help or "").replace("\b", "").strip().split("\n\n")
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)


def _first(command: click.Command) -> str:
    return _about(command).split("\n\n")[0]


def _is_shown(option: click.Parameter) -> bool:
    return isinstance(option, click.Option) and not option.hidden and not set(option.opts) & set(_EVERYWHERE)


def _option(option: click.Parameter) -> tuple[str, str, str]:
    assert isinstance(option, click.Option)
    names = ", ".join(f"`{name}`" for name in (*option.opts, *option.secondary_opts))
    kind = "" if option.is_flag else f" {_kind(option)}"
    return names + kind, sentence(option.help or ""), _default(option)


def _kind(option: click.Option) -> str:
    if isinstance(option.type, click.Choice):
        return " or ".join(f"`{getattr(choice, 'value', choice)}`" for choice in option.type.choices)
    return option.type.name.upper()


def _default(option: click.Option) -> str:
    default = option.default
    if option.required:
        return "required"
    if not isinstance(default, str | int | float) or isinstance(default, bool) or default == "":
        return ""
    return f"`{getattr(default, 'value', default)}`"
