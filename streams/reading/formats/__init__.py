"""Log formats: raw records in, conversations, fragments and rejects out (docs/reference/formats.md)."""

from streams.reading.formats.parser import assemble, parse_record
from streams.reading.formats.parts.outcomes import LogFormat
from streams.reading.formats.registry import FORMATS, check_format, detect

__all__ = ["FORMATS", "LogFormat", "assemble", "check_format", "detect", "parse_record"]
