"""Renews the generated parts of docs/reference: `python -m devtools.reference`; `--check` only says which are old."""

import argparse
import sys
from pathlib import Path

from devtools.reference.blocks import written
from devtools.reference.sections import SECTIONS

REFERENCE = Path(__file__).parents[2] / "docs" / "reference"


def outdated(folder: Path) -> dict[Path, str]:
    """The pages whose generated parts differ from the code, with the text that they should have."""
    pages: dict[Path, str] = {}
    for (page, name), render in SECTIONS.items():
        path = folder / page
        pages[path] = written(pages.get(path) or path.read_text(encoding="utf-8"), name, render())
    return {path: text for path, text in pages.items() if text != path.read_text(encoding="utf-8")}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit with 1 where a page is old")
    options = parser.parse_args()
    old = outdated(REFERENCE)
    if not options.check:
        for path, text in old.items():
            path.write_text(text, encoding="utf-8")
    for path in old:
        print(
            f"{path.name}: {'is older than the code; run python -m devtools.reference' if options.check else 'written'}"
        )
    sys.exit(1 if options.check and old else 0)


if __name__ == "__main__":
    main()
