"""One process at a time: a lock on a file, let go when its process dies."""

import fcntl
import os
from pathlib import Path


class FileLock:
    """Holds the lock from the start; leaving the block or `close` lets it go. The file stays.

    Raises: BlockingIOError, when another holds it; OSError, when the file can't be made or locked.
    """

    def __init__(self, path: Path, mode: int = 0o666) -> None:
        """`mode` of a file that is made, less the process's mask."""
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, mode)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BaseException:
            os.close(self._file)
            raise

    def close(self) -> None:
        """Twice is fine."""
        file, self._file = self._file, -1
        if file >= 0:
            os.close(file)

    def __enter__(self) -> "FileLock":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
