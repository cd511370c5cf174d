"""Answers of chat models kept by what was asked, in one SQLite file of bounded size: nothing is paid for twice."""

import sqlite3
import time
from pathlib import Path
from threading import Lock

from coachlm.errors import SettingsError

_FILE = "answers.sqlite"
_KEPT_SHARE = 0.9  # of the bound, after the oldest went
_CREATE = (
    "CREATE TABLE IF NOT EXISTS answers (key TEXT PRIMARY KEY, text TEXT NOT NULL, bytes INTEGER NOT NULL, "
    "used_at INTEGER NOT NULL) WITHOUT ROWID"
)


class AnswerCache:
    """Several processes may share a folder. What was used longest ago goes first."""

    def __init__(self, folder: Path, most_bytes: int) -> None:
        """Raises: SettingsError, when the folder can't be used."""
        self._path, self._most_bytes = folder / _FILE, most_bytes
        self._lock = Lock()
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._connection = sqlite3.connect(self._path, timeout=30, isolation_level=None, check_same_thread=False)
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute("PRAGMA synchronous = NORMAL")
            self._connection.execute(_CREATE)
        except (sqlite3.Error, OSError) as error:
            raise self._refusal(error) from error

    def get(self, key: str) -> str | None:
        with self._lock:
            try:
                row = self._connection.execute("SELECT text FROM answers WHERE key = ?", (key,)).fetchone()
                if row is not None:
                    self._connection.execute("UPDATE answers SET used_at = ? WHERE key = ?", (time.time_ns(), key))
            except sqlite3.Error as error:
                raise self._refusal(error) from error
        return None if row is None else row[0]

    def put(self, key: str, text: str) -> None:
        """Nothing is kept of an answer that is larger than all that may be kept."""
        size = len(text.encode()) + len(key)
        if size > self._most_bytes:
            return
        with self._lock:
            try:
                values = (key, text, size, time.time_ns())
                self._connection.execute("INSERT OR REPLACE INTO answers VALUES (?, ?, ?, ?)", values)
                self._forget_oldest()
            except sqlite3.Error as error:
                raise self._refusal(error) from error

    def close(self) -> None:
        self._connection.close()

    def _forget_oldest(self) -> None:
        held: int = self._connection.execute("SELECT COALESCE(SUM(bytes), 0) FROM answers").fetchone()[0]
        if held <= self._most_bytes:
            return
        for key, size in self._connection.execute("SELECT key, bytes FROM answers ORDER BY used_at").fetchall():
            if held <= self._most_bytes * _KEPT_SHARE:
                return
            self._connection.execute("DELETE FROM answers WHERE key = ?", (key,))
            held -= size

    def _refusal(self, error: Exception) -> SettingsError:
        return SettingsError(f"COACHLM_ANSWER_CACHE: {self._path} can't be used: {error}; move it away or name another")
