"""How far `coachlm produce` has come, source by source, in a small file that is replaced as a whole."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from coachlm.errors import InputError
from coachlm.machine.files import write_whole
from coachlm.machine.locks import FileLock
from coachlm.protocols.intake import Progress

_VERSION = 1


@dataclass(frozen=True, slots=True)
class Produced:
    """What is known of a source: the broker has its records before `records`, but for those that wait."""

    records: int = 0
    finished: bool = False
    digest: str = ""
    waiting: tuple[tuple[int, int], ...] = ()  # first and last of records whose other halves have not been seen
    told: int = 0  # waiting records before this one were sent alone, too

    def waiting_records(self) -> set[int]:
        return {record for first, last in self.waiting for record in range(first, last + 1)}


class ResumeFile:
    """Progress towards one destination; what the file says of others is kept. One process at a time.

    Raises: InputError, when the file is used by another process, is not one of these, or can't be written.
    """

    def __init__(self, path: Path | None, destination: str) -> None:
        """Without a path nothing is remembered."""
        self._path = path
        self._destination = destination
        self._lock: FileLock | None = None
        self._all: dict[str, dict[str, Any]] = {}
        self.sources: dict[str, Produced] = {}
        if path is not None:
            self._lock = _locked(path)
            self._read(path)

    def progress(self, source: str) -> Progress | None:
        """As `open_sources` asks for it."""
        known = self.sources.get(source)
        if known is None:
            return None
        return Progress(source, known.records, known.finished, bool(known.waiting), known.digest)

    def note(self, source: str, **changes: Any) -> None:
        self.sources[source] = replace(self.sources.get(source, Produced()), **changes)

    def save(self) -> None:
        """Durable once it returns: the old file or the new one is there, never half of one."""
        if self._path is None:
            return
        # Sources without a digest (pipes) can't be met again.
        kept = {name: asdict(one) for name, one in self.sources.items() if one.digest}
        document = {"version": _VERSION, "destinations": self._all | {self._destination: kept}}
        try:
            write_whole(self._path, json.dumps(document).encode("utf-8"))
        except OSError as error:
            raise InputError(f"{self._path} can't be written: {error.strerror}; name another --resume-file") from error

    def close(self) -> None:
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def _read(self, path: Path) -> None:
        try:
            document = json.loads(path.read_text(encoding="utf-8"))
            if document["version"] != _VERSION:
                raise ValueError(f"version {document['version']}")
            self._all = dict(document["destinations"])
            for name, one in self._all.get(self._destination, {}).items():
                waiting = tuple((int(first), int(last)) for first, last in one.pop("waiting"))
                self.sources[name] = Produced(waiting=waiting, **one)
        except FileNotFoundError:
            return
        except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
            self.close()
            raise InputError(
                f"{path} is not a resume file of this version ({error}); delete it to produce everything again "
                "(repeats are recognised by content), or name another --resume-file"
            ) from error


def ranges(records: Iterable[int]) -> tuple[tuple[int, int], ...]:
    """Neighbours as first and last."""
    found: list[tuple[int, int]] = []
    for record in sorted(records):
        if found and found[-1][1] == record - 1:
            found[-1] = (found[-1][0], record)
        else:
            found.append((record, record))
    return tuple(found)


def _locked(path: Path) -> FileLock:
    lock = path.with_name(f"{path.name}.lock")
    try:
        return FileLock(lock, mode=0o600)
    except BlockingIOError as error:
        raise InputError(
            f"another coachlm produce is using {path}; wait for it, or give each its own --resume-file"
        ) from error
    except OSError as error:
        raise InputError(f"{lock} can't be made: {error.strerror}; name another --resume-file") from error
