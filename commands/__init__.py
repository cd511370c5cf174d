"""The command line: the composition root, which alone puts the rooms together."""

import click

from coachlm import __version__
from commands.catalogue import COMMANDS
from commands.shared.lazy_group import LazyGroup
from commands.shared.output import show_log


@click.group(
    cls=LazyGroup,
    entries=COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)
@click.version_option(__version__, prog_name="coachlm")
@click.option("-v", "--verbose", is_flag=True, help="Explain decisions on the error stream.")
def main(verbose: bool) -> None:
    """CoachLM turns logs of deployed LLMs into expert-grade instruction data.

    Settings come from flags, COACHLM_* variables and coachlm.env, in this order; docs/reference/settings.md lists them.
    Every command takes --json, answers errors on one line and exits with 1 where it failed.
    """
    show_log(verbose=verbose)
