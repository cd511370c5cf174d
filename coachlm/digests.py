"""Digests of texts by what they say: the same text has the same digest everywhere, for ever."""

import xxhash


def normalise_text(text: str) -> str:
    """Outer white space stripped, line ends as LF; the form under which texts are compared by content."""
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return text.strip()


def content_hash(*texts: str) -> str:
    """xxh3-128 over the normalised texts, each with its length in front so that no two lists collide by joining."""
    digest = xxhash.xxh3_128()
    for text in texts:
        data = normalise_text(text).encode("utf-8", "surrogatepass")
        digest.update(len(data).to_bytes(8, "little"))
        digest.update(data)
    return digest.hexdigest()
