"""Child processes of our own, which find our packages whatever lies in the working directory."""

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from multiprocessing import forkserver, get_context
from multiprocessing.context import ForkServerContext

_SAFE_PATH = "PYTHONSAFEPATH"


def python_module(module: str, *arguments: str) -> list[str]:
    """The command that runs a module in this interpreter, with nothing of the working directory on its path."""
    return [sys.executable, "-P", "-m", module, *arguments]


def coachlm_command(*arguments: str) -> list[str]:
    """The command line, for a process of its own."""
    return python_module("commands", *arguments)


@contextmanager
def safe_path() -> Iterator[None]:
    """Every interpreter that this process starts meanwhile leaves the working directory out of its path."""
    before = os.environ.get(_SAFE_PATH)
    os.environ[_SAFE_PATH] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ[_SAFE_PATH]
        else:
            os.environ[_SAFE_PATH] = before


def safe_forkserver(preload: Sequence[str]) -> ForkServerContext:
    """Processes that are forked from a server, which has imported `preload` and is running when this returns."""
    context = get_context("forkserver")
    context.set_forkserver_preload(list(preload))
    with safe_path():
        forkserver.ensure_running()
    return context
