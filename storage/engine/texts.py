"""Numbers for texts that repeat in thousands of rows: paths of sources, system prompts."""

from collections.abc import Iterable

import xxhash
from sqlalchemy import Connection, func, select

from storage.engine.bulk import insert_rows, is_among
from storage.tables.columns import to_column
from storage.tables.pairs import TextRow

_REMEMBERED = 4096


def text_hash(text: str) -> str:
    """xxh3-128 of the exact text: white space counts."""
    return xxhash.xxh3_128_hexdigest(text.encode("utf-8", "surrogatepass"))


class TextNumbers:
    """Finds or creates the numbers; remembers the recent ones by their hashes. Used under the lock of intake alone."""

    def __init__(self) -> None:
        self._known: dict[str, int] = {}

    def of(self, connection: Connection, texts: Iterable[str]) -> dict[str, int]:
        hashes = {text: text_hash(text) for text in sorted(set(texts))}
        missing = {digest: text for text, digest in hashes.items() if digest not in self._known}
        if missing:
            if len(self._known) > _REMEMBERED:
                self._known.clear()
                missing = {digest: text for text, digest in hashes.items()}
            self._known |= self._stored(connection, missing)
        return {text: self._known[digest] for text, digest in hashes.items()}

    def forget(self) -> None:
        """To be called when the transaction failed: what it created is not there."""
        self._known.clear()

    def _stored(self, connection: Connection, missing: dict[str, str]) -> dict[str, int]:
        rows = connection.execute(
            select(TextRow.hash, TextRow.id).where(is_among(connection, TextRow.hash.expression, list(missing)))
        )
        numbers = dict(rows.all())
        fresh = [digest for digest in missing if digest not in numbers]
        first = (connection.scalar(select(func.max(TextRow.id))) or 0) + 1
        numbers |= {digest: number for number, digest in enumerate(fresh, first)}
        insert_rows(connection, TextRow, [(numbers[digest], digest, to_column(missing[digest])) for digest in fresh])
        return numbers
