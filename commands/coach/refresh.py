"""`refresh`: a new coach from what people approved, through the gate, into force."""

import getpass
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from assembly.stores import database_option
from assembly.workshop import workshop
from coachlm.settings import load_settings
from commands.shared.output import answering_errors, emit_json, json_option, people, results, terminal_safe

if TYPE_CHECKING:
    from trainer.gate import GateReport

_base = click.option(
    "--base", envvar="COACHLM_MODEL", help="The base model: folder, hub id or `coach` (also COACHLM_MODEL)."
)
_runs = click.option(
    "--output",
    type=click.Path(path_type=Path),
    default=Path("refresh-runs"),
    show_default=True,
    help="Folder of the training runs.",
)
_held_out = click.option(
    "--held-out",
    type=click.FloatRange(0, 0.9),
    default=0.1,
    show_default=True,
    help="Share of approved pairs kept for the gate.",
)


@click.command()
@_base
@_runs
@click.option(
    "--new-pairs",
    type=click.IntRange(min=1),
    default=500,
    show_default=True,
    help="Number of pairs approved since the last refresh that starts one.",
)
@click.option(
    "--poll", "poll_seconds", type=click.IntRange(min=1), default=60, show_default=True, help="Seconds between checks."
)
@click.option("--once", is_flag=True, help="Refresh now if there are pairs, then exit.")
@click.option("--alpha", type=float, help="Share of approved pairs, the most changed. [default: 0.3; coach: 1]")
@click.option("--epochs", type=int, help="[default: 7; coach: 5]")
@_held_out
@database_option
@json_option
@answering_errors
def refresh(
    base: str | None,
    output: Path,
    new_pairs: int,
    poll_seconds: int,
    once: bool,
    alpha: float | None,
    epochs: int | None,
    held_out: float,
    db: str | None,
    as_json: bool,
) -> None:
    """Train, gate and promote an adapter on new approved pairs.

    Waits until there are enough of them.

    A killed run continues where it stopped. One process per database refreshes at a time.
    """
    from trainer import refresh as service
    from trainer.gate import Margins

    settings = load_settings(database_url=db, model=base)
    rules = service.RefreshRules(1 if once else new_pairs, held_out, margins=Margins.from_settings(settings))
    with workshop(settings, output, alpha, epochs) as shop:
        while True:
            if service.refresh_due(shop, rules):
                run = service.refresh(shop, rules)
                if as_json:
                    emit_json({"run": run.folder, "ended": run.step, "detail": run.detail})
                else:
                    results().print(terminal_safe(f"{run.step}: {run.detail}"), markup=False)
            elif once:
                _nothing(as_json)
            if once:
                return
            time.sleep(poll_seconds)


@click.command()
@click.argument("digest")
@_base
@_runs
@_held_out
@click.option("--override", metavar="REASON", help="Let it pass although the gate refuses it; the history keeps why.")
@database_option
@json_option
@answering_errors
def gate(
    digest: str,
    base: str | None,
    output: Path,
    held_out: float,
    override: str | None,
    db: str | None,
    as_json: bool,
) -> None:
    """Judge a candidate against the adapter in force.

    Both revise the held-out approved pairs; the decision is stored.

    One that the gate refused earlier is judged again: with more held-out pairs, or with other COACHLM_GATE_… margins.
    """
    from trainer.gate import Margins
    from trainer.refresh import RefreshRules, gate_adapter

    settings = load_settings(database_url=db, model=base)
    rules = RefreshRules(held_out_share=held_out, margins=Margins.from_settings(settings))
    with workshop(settings, output, None, None) as shop:
        report = gate_adapter(shop, rules, digest)
        overridden = override is not None and not report.passed
        if overridden and override is not None:
            shop.registry.override_gate(digest, getpass.getuser(), override)
    if as_json:
        emit_json(report.as_dict() | ({"override": override} if overridden else {}))
        return
    _show(report)
    if overridden:
        results().print(f"passes nevertheless, because: {override}", markup=False)
    elif not report.passed:
        people.print("next: the figures say what is worse; --override REASON lets it pass, COACHLM_GATE_… are margins")


def _show(report: "GateReport") -> None:
    out = results()
    out.print(f"{'passed' if report.passed else 'refused'}: {report.reason}", markup=False)
    for figure in report.figures:
        most = "decides nothing" if figure.margin is None else f"at most {figure.margin:.4g}"
        out.print(
            f"  {figure.name:20} {figure.reference:9.4f} → {figure.candidate:9.4f}   difference "
            f"{figure.low:+.4f} to {figure.high:+.4f}, {most}",
            markup=False,
        )


def _nothing(as_json: bool) -> None:
    if as_json:
        emit_json({"run": None})
    else:
        results().print("no newly approved pairs")
        people.print("next: owners approve post-edits on their page, or with coachlm review")
