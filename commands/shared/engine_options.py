"""Which engine revises: the options of every command that builds one."""

from collections.abc import Callable
from typing import ParamSpec, TypeVar

import click

from coachlm.coaching.engines import engine_names, in_words

P = ParamSpec("P")
R = TypeVar("R")


def engine_option(function: Callable[P, R]) -> Callable[P, R]:
    """Takes any name: the settings refuse those that the table has not, as an error like any other."""
    text = f"What revises: {in_words(engine_names(), notes=True)} (also COACHLM_ENGINE)."
    return click.option("--engine", metavar="NAME", help=text, shell_complete=_names)(function)


def engine_options(function: Callable[P, R]) -> Callable[P, R]:
    """With the engine's model, its adapter, how a model is asked, and what it may cost."""
    style = click.option(
        "--prompt-style",
        type=click.Choice(["auto", "paper", "chat"]),
        help="How a model is asked: the paper's prompt, or its chat template (also COACHLM_PROMPT_STYLE).",
    )
    coach = click.option(
        "--coach",
        type=click.Choice(["tuned", "instructed"]),
        help="Whether the model was tuned to revise, or is a chat model that is told how (also COACHLM_COACH).",
    )
    budget = click.option(
        "--budget-tokens", type=click.IntRange(min=0), help="Stop after so many tokens (also COACHLM_BUDGET_TOKENS)."
    )
    adapter = click.option("--adapter", help="LoRA adapter folder, or `registry` (also COACHLM_ADAPTER).")
    model = click.option("--model", help="The engine's model: folder, hub id or name on a server (also COACHLM_MODEL).")
    return engine_option(model(coach(adapter(style(budget(function))))))


def _names(_: click.Context, __: click.Parameter, begun: str) -> list[str]:
    return [name for name in engine_names() if name.startswith(begun)]
