"""What a user names on the command line becomes the list of files to read."""

import glob
from collections.abc import Iterator, Sequence
from pathlib import Path

from coachlm.errors import InputError

STDIN = "-"


def expand(paths: Sequence[str]) -> list[str]:
    """Files to read, each once, in the order given; folders recursively and globs in sorted order; `-` is standard
    input. Hidden files and folders, sockets, pipes and devices are left out unless they are named themselves.

    Raises: InputError, naming what does not exist, matches nothing or can't be listed, and the remedy.
    """
    found: dict[str, str] = {}  # what a file is called, by what it is
    for given in paths:
        for path in _expand_one(given):
            found.setdefault(path if path == STDIN else _identity(path), path)
    return list(found.values())


def _expand_one(given: str) -> Iterator[str]:
    if given == STDIN:
        yield given
        return
    try:
        if given and Path(given).exists():
            yield from _files(given)
            return
    except (OSError, ValueError) as error:
        raise InputError(f"{given!r} can't be read: {_why(error)}; check its permissions") from error
    # Path.glob takes no absolute pattern.
    matches = glob.glob(given, recursive=True) if glob.has_magic(given) else []  # noqa: PTH207
    if not matches:
        raise InputError(f"{given!r}: no such file or folder, and no file matches it; check the spelling")
    shortest: dict[str, str] = {}  # `**` goes round and round where a link leads back
    for match in sorted(matches, key=len):
        shortest.setdefault(_identity(match), match)
    for match in sorted(shortest.values()):
        yield from _files(match)


def _files(path: str) -> Iterator[str]:
    if Path(path).is_dir():
        yield from _walk(path, frozenset())
    else:
        yield _storable(path)


def _walk(folder: str, above: frozenset[str]) -> Iterator[str]:
    """`above` holds the folders on the way here: a link back to one of them is not followed."""
    identity = _identity(folder)
    if identity in above:
        return
    try:
        entries = sorted(Path(folder).iterdir())
        for entry in entries:
            if entry.name.startswith("."):
                continue
            if entry.is_dir():
                yield from _walk(str(entry), above | {identity})
            elif entry.is_file():
                yield _storable(str(entry))
    except OSError as error:
        raise InputError(f"{folder!r} can't be listed: {_why(error)}; check its permissions") from error


def _identity(path: str) -> str:
    return str(Path(path).resolve())


def _storable(path: str) -> str:
    try:
        path.encode()
    except UnicodeEncodeError as error:
        raise InputError(
            f"{path!r}: the name is not valid UTF-8 and can't be stored with its records; rename it"
        ) from (error)
    return path


def _why(error: OSError | ValueError) -> str:
    return getattr(error, "strerror", None) or str(error)
