"""Log formats: raw records in, conversations, fragments and rejects out. docs/formats.md describes each format."""

from streams.formats.outcomes import LogFormat
from streams.formats.parser import assemble, parse_record
from streams.formats.registry import FORMATS, check_format, detect

__all__ = ["FORMATS", "LogFormat", "assemble", "check_format", "detect", "parse_record"]
