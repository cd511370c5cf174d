"""Takes the pictures of the pages that the documentation shows: `python -m tests.dashboard.pictures`."""

import argparse
from pathlib import Path

from tests.dashboard.pictures.album import Album, check_fonts, opened_browser
from tests.dashboard.pictures.desk import take_desk
from tests.dashboard.pictures.pages import take_pages
from tests.docs.shell_examples import ROOT


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?", default=ROOT / "docs" / "images")
    parser.add_argument(
        "--only", nargs="+", default=(), metavar="NAME", help="such as desk-cjk or people; all if not given"
    )
    options = parser.parse_args()
    check_fonts()
    album = Album(options.folder, options.only)
    with opened_browser() as browser:
        take_desk(browser, album)
        take_pages(browser, album)


if __name__ == "__main__":
    main()
