"""The command line: the composition root, which alone puts the rooms together."""

import click

from coachlm import __version__
from commands.coach.adapters import adapters
from commands.coach.refresh import gate, refresh
from commands.coach.sweep import sweep
from commands.coach.train_student import train
from commands.desk.dashboard import dashboard, desk
from commands.desk.people import people_group
from commands.desk.queue import queue
from commands.desk.review import review
from commands.desk.serve import serve
from commands.evaluate.compare_sets import compare_sets
from commands.evaluate.compare_students import compare, student
from commands.evaluate.evaluate import evaluate
from commands.evaluate.judge import judge
from commands.evaluate.rate import rate
from commands.evaluate.ratings import ratings
from commands.run.convert import convert
from commands.run.database import db
from commands.run.dataset import export, report, stats
from commands.run.demo import demo
from commands.run.doctor import doctor
from commands.run.run import ingest, revise, run
from commands.run.worker import worker
from commands.shared.output import show_log
from commands.streams.dead import dead
from commands.streams.produce import produce
from commands.streams.reconcile import reconcile
from commands.streams.stream import stream
from commands.streams.topics import topics


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="coachlm")
@click.option("-v", "--verbose", is_flag=True, help="Explain decisions on the error stream.")
def main(verbose: bool) -> None:
    """CoachLM turns logs of deployed LLMs into expert-grade instruction data.

    Settings come from flags, COACHLM_* variables and coachlm.env, in this order; docs/reference/settings.md lists them.
    Every command takes --json, answers errors on one line and exits with 1 where it failed.
    """
    show_log(verbose=verbose)


for command in (
    demo,
    run,
    ingest,
    revise,
    worker,
    serve,
    people_group,
    queue,
    review,
    dashboard,
    desk,
    stats,
    report,
    export,
    evaluate,
    train,
    adapters,
    convert,
    refresh,
    db,
    topics,
    produce,
    stream,
    dead,
    reconcile,
    doctor,
):
    main.add_command(command)
adapters.add_command(gate)
for command in (sweep, compare_sets, rate, judge, student, compare, ratings):
    evaluate.add_command(command)
