"""`produce`: logs into the topic of raw records, for the stream workers."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from coachlm.protocols.streams import Topic
from coachlm.settings import load_settings
from commands.shared.output import (
    answering_errors,
    counts_table,
    emit_json,
    json_option,
    people,
    results,
    terminal_safe,
)
from commands.shared.progress import progress_display

if TYPE_CHECKING:
    from streams.broker.producing.produce import ProduceCounts

_RESUME_FILE = Path(".coachlm-produce.json")


@click.command()
@click.argument("paths", nargs=-1, required=True)
@click.option("--topic", help="Topic to write to, instead of the settings' `logs.raw`.")
@click.option("--format", "log_format", help="Log format of all paths; detected if not given.")
@click.option(
    "--resume-file",
    type=click.Path(path_type=Path, dir_okay=False),
    default=_RESUME_FILE,
    show_default=True,
    help="File that keeps the progress; a second run resumes where the first one stopped.",
)
@click.option("--no-resume", is_flag=True, help="Read everything again and keep no progress.")
@json_option
@answering_errors
def produce(
    paths: tuple[str, ...],
    topic: str | None,
    log_format: str | None,
    resume_file: Path,
    no_resume: bool,
    as_json: bool,
) -> None:
    """Write logs to Kafka, each record as it is.

    Intake workers take it from there.

    PATHS are files, folders, globs, or - for standard input. Run it again after a stop: it continues where it stopped.
    """
    from streams.broker.producing.produce import Production
    from streams.broker.producing.raw_producer import RawProducer, find_destination
    from streams.broker.producing.resume import ResumeFile
    from streams.broker.topics.topics import topic_name
    from streams.reading.formats import check_format

    check_format(log_format)
    settings = load_settings()
    destination = find_destination(settings, topic or topic_name(settings, Topic.RAW))
    resume = ResumeFile(None if no_resume else resume_file, destination.name)
    try:
        producer = RawProducer(settings, destination.topic, destination.limit)
        try:
            with progress_display(not as_json) as display:
                task = display.add_task("produce", total=1.0, items=0, unit="records", line="")

                def on_progress(counts: "ProduceCounts", share: float) -> None:
                    line = f"{counts.sent:,} sent · {counts.rejected.total():,} rejected"
                    display.update(task, completed=share, items=counts.records, line=line)

                counts = Production(producer, resume, settings, log_format, on_progress).run(paths)
        finally:
            producer.close()
    finally:
        resume.close()
    _answer(counts, destination.topic, as_json)


def _answer(counts: "ProduceCounts", topic: str, as_json: bool) -> None:
    if as_json:
        emit_json({"topic": topic, **asdict(counts), "rejected": dict(counts.rejected)})
    else:
        _tell(counts, topic)
    if counts.came_to_nothing:
        raise SystemExit(1)


def _tell(counts: "ProduceCounts", topic: str) -> None:
    out = results()
    rate = f", {counts.sent / counts.seconds:,.0f} records/s" if counts.seconds else ""
    out.print(
        f"{counts.sent:,} records in {counts.messages:,} messages to {topic} "
        f"({counts.bytes:,} bytes in {counts.seconds:.1f} s{rate}); {counts.sources:,} sources read, "
        f"{counts.skipped:,} skipped as done before"
    )
    if counts.waiting:
        out.print(f"{counts.waiting:,} halves wait for their other half and were sent alone")
    if counts.rejected:
        out.print(counts_table("not sent", counts.rejected, "reason"))
    for problem in (*counts.failed.values(), *counts.problems):
        people.print(terminal_safe(problem), markup=False)
    people.print("next: coachlm topics shows how far the intake workers are")
