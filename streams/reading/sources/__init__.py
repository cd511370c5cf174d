"""Files, folders, globs and standard input become numbered raw records; knows containers and JSON's brackets, no log
format."""

from streams.reading.sources.paths import expand
from streams.reading.sources.read import read_source

__all__ = ["expand", "read_source"]
