"""Which version of which file a source is, so that a second run skips, goes on with, or re-reads it."""

# See docs/decisions/0007-rerun-rereads-open-halves.md

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import xxhash

from coachlm.errors import InputError
from coachlm.protocols.intake import Progress
from streams.reading.sources import expand
from streams.reading.sources.paths import STDIN

_HEAD_BYTES = 65_536


@dataclass(frozen=True, slots=True)
class Source:
    """A file to read, under the name by which the store knows it."""

    path: str  # as `read_source` takes it
    name: str  # the path; with a suffix where another file stood under that path before
    digest: str  # its version: head length, head hash, size, modification time
    committed: int  # records before this one are in the store
    reread: int | None = None  # a record that may have been cut short when an earlier run read it
    bytes_before: int = 0  # sizes of the sources before this one, skipped ones included


def open_sources(paths: Sequence[str], known: Callable[[str], Progress | None]) -> Iterator[Source]:
    """The sources under `paths` that have something to read, each opened only when its turn has come.

    A file that an earlier run has finished is skipped unless it holds halves that another file may complete. A file
    that has grown (its old beginning still there) is read on from its last record; one that was replaced is a new
    source. Standard input and pipes are always new: their repeats are found by content.

    Raises: InputError, for a path that does not exist (before the first source) or can't be opened.
    """
    before = 0
    for path in expand(paths):
        if path == STDIN or not Path(path).is_file():  # a pipe can be read once only
            name = "stdin" if path == STDIN else path
            yield Source(path, f"{name}:{datetime.now(UTC).isoformat()}", "", 0, bytes_before=before)
            continue
        source = _file_source(path, known)
        if source is not None:
            yield replace(source, bytes_before=before)
        before += _size(path)


def total_bytes(paths: Sequence[str]) -> int:
    """Sizes of all files under `paths`, as they lie there. Raises: InputError, like `open_sources`."""
    return sum(_size(path) for path in expand(paths))


def _size(path: str) -> int:
    try:
        return 0 if path == STDIN else Path(path).stat().st_size
    except OSError:
        return 0  # gone meanwhile: whoever opens it says so


def _file_source(path: str, known: Callable[[str], Progress | None]) -> Source | None:
    digest = _digest(path)
    name, progress = path, known(path)
    if progress is not None and not _same_lineage(path, progress.digest):
        name = f"{path}#{digest.split(':')[1]}"
        progress = known(name)
    if progress is None:
        return Source(path, name, digest, 0)
    if progress.digest == digest:
        if progress.finished and not progress.has_fragments:
            return None
        return Source(path, name, digest, progress.records)
    cut = max(progress.records - 1, 0)
    return Source(path, name, digest, cut, reread=cut)


def _digest(path: str) -> str:
    head = _head(path, _HEAD_BYTES)
    try:
        status = Path(path).stat()
    except OSError as error:
        raise InputError(f"{path} can't be read: {error.strerror}") from error
    return f"{len(head)}:{xxhash.xxh3_64_hexdigest(head)}:{status.st_size}:{status.st_mtime_ns}"


def _same_lineage(path: str, digest: str) -> bool:
    """Whether the file still begins as it did when `digest` was taken."""
    length, head_hash, *_ = digest.split(":")
    head = _head(path, int(length))
    return len(head) == int(length) and xxhash.xxh3_64_hexdigest(head) == head_hash


def _head(path: str, length: int) -> bytes:
    try:
        with Path(path).open("rb") as file:
            return file.read(length)
    except OSError as error:
        raise InputError(f"{path} can't be read: {error.strerror}; check its permissions") from error
