"""Which pictures the documentation shows."""

import re

from tests.docs.shell_examples import pages

_SHOWN = re.compile(r"images/([\w-]+\.png)")


def shown_pictures() -> set[str]:
    """The names of the files that README and documentation show."""
    texts = (page.read_text(encoding="utf-8") for page in pages())
    return {name for text in texts for name in _SHOWN.findall(text)}
