"""Answers of judges kept by what was asked, in one SQLite file: a rerun asks nothing twice, a killed run goes on."""

import sqlite3
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from coachlm.errors import InputError


@dataclass(frozen=True, slots=True)
class CachedAnswer:
    """A judge's text with the tokens that it cost when it was asked."""

    text: str
    prompt_tokens: int
    completion_tokens: int


class JudgeCache:
    """Each answer is committed as it comes; several processes may share a file. A damaged file is refused."""

    def __init__(self, path: Path) -> None:
        """Raises: InputError, when the file can't be opened or is no cache."""
        self._path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._connection = sqlite3.connect(path, timeout=30, isolation_level=None)
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute("PRAGMA synchronous = NORMAL")
            self._connection.execute(
                "CREATE TABLE IF NOT EXISTS answers (key TEXT PRIMARY KEY, text TEXT NOT NULL, "
                "prompt_tokens INTEGER NOT NULL, completion_tokens INTEGER NOT NULL) WITHOUT ROWID"
            )
        except (sqlite3.Error, OSError) as error:
            raise self._refusal(error) from error

    def get(self, key: str) -> CachedAnswer | None:
        row = self._execute("SELECT text, prompt_tokens, completion_tokens FROM answers WHERE key = ?", (key,))
        return CachedAnswer(*row) if row else None

    def put(self, key: str, answer: CachedAnswer) -> None:
        """Replaces what was kept for the question."""
        values = (key, answer.text, answer.prompt_tokens, answer.completion_tokens)
        self._execute("INSERT OR REPLACE INTO answers VALUES (?, ?, ?, ?)", values)

    def _execute(self, statement: str, values: tuple[str | int, ...]) -> tuple[str, int, int] | None:
        try:
            return self._connection.execute(statement, values).fetchone()
        except sqlite3.Error as error:
            raise self._refusal(error) from error

    def _refusal(self, error: Exception) -> InputError:
        return InputError(f"the judge's cache {self._path} can't be used: {error}; move it away or choose another")

    def close(self) -> None:
        self._connection.close()

    def __enter__(self) -> "JudgeCache":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None):
        self.close()
