"""Options of commands that ask judges: which judge, at what cost, with the estimate agreed to first."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

import click

from coachlm.errors import SettingsError
from coachlm.settings import Settings, load_settings
from commands.shared.output import people, terminal_safe

if TYPE_CHECKING:
    from evaluation.judges.judging import Comparison, Judge
    from evaluation.judges.servers.openai import Estimate, Spending

P = ParamSpec("P")
R = TypeVar("R")


_SERVER = ("url", "model", "concurrency", "prompt_price", "completion_price", "cache")


def server_options(function: Callable[P, R]) -> Callable[P, R]:
    """Those of a judge behind a server; settings `COACHLM_JUDGE_…` where they are left out."""
    for option in reversed(
        (
            click.option("--judge-url", help="OpenAI-compatible server, e.g. http://localhost:8000/v1."),
            click.option("--judge-model", help="Model to ask the server for."),
            click.option("--judge-concurrency", type=int, help="Concurrent requests."),
            click.option("--judge-prompt-price", type=float, help="Price of a million prompt tokens."),
            click.option("--judge-completion-price", type=float, help="Price of a million completion tokens."),
            click.option("--judge-cache", help="File that caches answers; a rerun asks nothing twice."),
            click.option(
                "--estimate",
                "only_estimate",
                is_flag=True,
                help="Show the number of requests and their cost, and exit.",
            ),
            click.option("--yes", is_flag=True, help="Send the requests without confirmation."),
        )
    ):
        function = option(function)
    return function


def questions_option(function: Callable[P, R]) -> Callable[P, R]:
    return click.option(
        "--questions",
        type=click.Path(path_type=Path, dir_okay=False),
        help="Questions of answers that name them by an id (FastChat, MT-Bench, Vicuna).",
    )(function)


def judge_settings(options: dict[str, Any]) -> Settings:
    """Takes the server's options out of `options`. Raises: SettingsError."""
    return load_settings(**{f"judge_{name}": options.pop(f"judge_{name}") for name in _SERVER})


def say_worth(names: Sequence[str], *, as_json: bool = False) -> None:
    """What the verdicts of judges that need no server are worth, before they are read."""
    from assembly.judges import present_names
    from evaluation.judges.worth import WORTH

    for name in present_names(names):
        if name in WORTH and name != "server" and not as_json:
            people.print(f"{name}: {WORTH[name]}", markup=False)


def server_messages(judges: Sequence[object]) -> dict[str, dict[str, int]]:
    """Judge → what its server said of questions that it refused → how often."""
    from evaluation.judges.servers.openai import OpenAIJudge

    return {each.name: each.messages for each in judges if isinstance(each, OpenAIJudge) and each.messages}


def show_messages(judges: Sequence[object]) -> None:
    for name, messages in server_messages(judges).items():
        for message, count in messages.items():
            people.print(f"{name}: the server said {count:,}×: {terminal_safe(message)}", markup=False)


def check_usable(usable: Mapping[str, int]) -> None:
    """Ends the command with 1, where something has no usable answer at all: there is no figure."""
    if empty := [name for name, count in usable.items() if not count]:
        people.print(f"no answer was usable for {', '.join(empty)}: there is no figure", markup=False)
        raise SystemExit(1)


def estimate_comparisons(judges: Sequence[Judge], comparisons: Sequence[Comparison]) -> Estimate | None:
    """Both ways round; None, when no judge has a server."""
    from evaluation.judges.prompts import pairwise_prompt
    from evaluation.judges.servers.openai import OpenAIJudge

    asked = [each for each in judges if isinstance(each, OpenAIJudge)]
    both = [*comparisons, *(comparison.swapped() for comparison in comparisons)]
    return asked[0].estimate([pairwise_prompt(each) for each in both]) if asked else None


def agree_to(estimate: Estimate, *, yes: bool, as_json: bool) -> None:
    """Says what will be asked; where something is, it has to be agreed to, by `--yes` or at the terminal.

    Raises: SettingsError, when nobody agreed.
    """
    people.print(estimate_line(estimate))
    if yes or estimate.cached == estimate.questions:
        return
    if as_json or not sys.stdin.isatty():
        raise SettingsError(f"{estimate_line(estimate)}; give --yes to ask them, or --estimate to only see this")
    if not click.confirm("Ask them?", err=True):
        raise SettingsError("not asked; answers from earlier runs are kept")


def estimate_line(estimate: Estimate) -> str:
    cost = "cost unknown (no prices given)" if estimate.cost is None else f"about {estimate.cost:,.2f}"
    return (
        f"{estimate.questions - estimate.cached:,} questions to ask, {estimate.cached:,} answered before; about "
        f"{estimate.prompt_tokens:,} + {estimate.completion_tokens:,} tokens, {cost}"
    )


def spending_line(spending: Spending) -> str:
    cost = "" if spending.cost is None else f", cost {spending.cost:,.4f}"
    return (
        f"asked {spending.asked:,}, {spending.from_cache:,} from the cache; {spending.prompt_tokens:,} + "
        f"{spending.completion_tokens:,} tokens{cost}"
    )


def failure_line(failures: dict[str, int]) -> str:
    return ", ".join(f"{count:,} {reason}" for reason, count in failures.items())
