"""Lines out of blocks of bytes, at the speed of `bytes.split` and with a bound on their length."""

from collections.abc import Iterator

from streams.reading.sources.flaws import Flaw, too_long


def split_lines(blocks: Iterator[bytes], max_bytes: int) -> Iterator[bytes | Flaw]:
    """Lines without their LF; one longer than `max_bytes` is a flaw and is never held. The last line counts without
    an LF too, an empty one after the last LF does not."""
    parts: list[bytes] = []  # of the line under way
    held = 0
    skipping = False
    for block in blocks:
        first, *whole = block.split(b"\n")
        parts.append(first)
        held += len(first)
        if held > max_bytes:
            if not skipping:
                yield too_long("the line", max_bytes, parts[0])
            parts, held, skipping = [], 0, True
        if not whole:
            continue
        if not skipping:
            yield b"".join(parts)
        last = whole.pop()
        for line in whole:
            yield line if len(line) <= max_bytes else too_long("the line", max_bytes, line)
        parts, held, skipping = [last], len(last), False
    if held and not skipping:
        yield b"".join(parts) if held <= max_bytes else too_long("the line", max_bytes, parts[0])


def json_lines(blocks: Iterator[bytes], max_bytes: int) -> Iterator[bytes | Flaw]:
    """Every line that is not blank, undecoded: whoever parses the record says whether it is JSON."""
    for line in split_lines(blocks, max_bytes):
        if isinstance(line, Flaw) or (line and not line.isspace()):
            yield line
