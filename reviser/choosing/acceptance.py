"""The acceptance model of a file, read again when the file has changed: `coachlm refresh` writes a new one now and
then."""

import logging
from pathlib import Path

from coachlm.acceptance.model import AcceptanceModel, read_acceptance
from coachlm.errors import ModelError

log = logging.getLogger(__name__)


class AcceptanceFile:
    """Gives the newest model that could be read."""

    def __init__(self, path: Path) -> None:
        """Raises: ModelError."""
        self._path = path
        self._model = read_acceptance(path)
        self._stamp = self._found()

    def newest(self) -> AcceptanceModel:
        stamp = self._found()
        if stamp is not None and stamp != self._stamp:
            self._stamp = stamp
            try:
                self._model = read_acceptance(self._path)
            except ModelError as error:
                log.warning("going on with the acceptance model as it was: %s", error)
        return self._model

    def _found(self) -> tuple[int, int] | None:
        try:
            found = self._path.stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_ino
