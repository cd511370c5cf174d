"""The command line: the composition root, which alone puts the rooms together."""

import click

from coachlm import __version__
from coachlm.cli.adapters import adapters
from coachlm.cli.compare_sets import compare_sets
from coachlm.cli.compare_students import compare, student
from coachlm.cli.convert import convert
from coachlm.cli.dashboard import dashboard, desk
from coachlm.cli.database import db
from coachlm.cli.dataset import export, report, stats
from coachlm.cli.dead import dead
from coachlm.cli.demo import demo
from coachlm.cli.doctor import doctor
from coachlm.cli.evaluate import evaluate
from coachlm.cli.judge import judge
from coachlm.cli.output import show_log
from coachlm.cli.people import people_group
from coachlm.cli.produce import produce
from coachlm.cli.queue import queue
from coachlm.cli.rate import rate
from coachlm.cli.ratings import ratings
from coachlm.cli.reconcile import reconcile
from coachlm.cli.refresh import gate, refresh
from coachlm.cli.review import review
from coachlm.cli.run import ingest, revise, run
from coachlm.cli.serve import serve
from coachlm.cli.stream import stream
from coachlm.cli.sweep import sweep
from coachlm.cli.topics import topics
from coachlm.cli.train_student import train
from coachlm.cli.worker import worker


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="coachlm")
@click.option("-v", "--verbose", is_flag=True, help="Say on the error stream why things are done as they are.")
def main(verbose: bool) -> None:
    """CoachLM turns logs of deployed LLMs into expert-grade instruction data.

    Settings come from flags, COACHLM_* variables and coachlm.env, in this order; docs/settings.md lists them.
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
