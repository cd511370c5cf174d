"""Checks the documentation without a network: links and anchors, and every path, test and page that a text names.

`python -m devtools.links` prints what is wrong, one line each, and exits with 1 where anything is.
"""

import re
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from urllib.parse import unquote

ROOT = Path(__file__).parents[1]
_FOLDERS = (
    *("coachlm", "streams", "reviser", "storage", "exports", "trainer", "evaluation", "api", "dashboard", "assembly"),
    *("commands", "benchmarks", "recipes", "devtools", "tests", "docs", "deploy", "scripts"),
)
_CODE = frozenset({".py", ".toml", ".yml", ".html", ".js"})
_OF_DATA = "docs/reference/public-data.md"  # its paths are in the folder of public data
_LINK = re.compile(r"\[(?:[^\]\[]|\[[^\]]*\])*\]\(([^)\s]+)\)|(?:src|srcset)=\"([^\"]+)\"")
_FENCE = re.compile(r"^ *```.*?^ *```", re.MULTILINE | re.DOTALL)
_PATH = re.compile(rf"`((?:{'|'.join(_FOLDERS)})/[\w./-]*)(?:::\w+)?`")
_TEST = re.compile(r"`[^`\s]*?\b(test_\w+)(\.py)?(?:::(test_\w+))?`")
_PAGE = re.compile(r"\bdocs/[\w/.-]+\.md\b")
_ELSEWHERE = re.compile(r"[a-z][a-z0-9+.-]*:|//")
_PLACEHOLDER = re.compile(r"\b[A-Z]{3,}\b(?!\.md)")


def pages(root: Path = ROOT) -> list[Path]:
    """Every page of the documentation, and what lies beside it at the top."""
    return [*sorted((root / "docs").rglob("*.md")), *sorted(root.glob("*.md"))]


def faults(root: Path = ROOT) -> Iterator[str]:
    """What is wrong: a link, path, test or page that isn't there, an anchor that no heading makes."""
    for page in pages(root):
        name = page.relative_to(root).as_posix()
        prose = _FENCE.sub("", page.read_text(encoding="utf-8"))
        found = [*_broken_links(page, re.sub(r"`[^`\n]*`", "", prose)), *_missing_tests(prose, root)]
        if name != _OF_DATA:
            found += _missing_paths(prose, root)
        yield from (f"{name}: {fault}" for fault in found)
    yield from _missing_pages(root)


def _broken_links(page: Path, prose: str) -> Iterator[str]:
    for match in _LINK.finditer(prose):
        target = match[1] or match[2]
        if _ELSEWHERE.match(target):
            continue
        path, _, anchor = unquote(target).partition("#")
        file = (page.parent / path).resolve() if path else page
        if not file.exists():
            yield f"links to {target}, which does not exist"
        elif anchor and file.suffix == ".md" and anchor not in _anchors(file):
            yield f"links to {target}, and no heading there makes that anchor"


@cache
def _anchors(file: Path) -> frozenset[str]:
    headings = re.findall(r"^#{1,6} (.+?)\s*$", _FENCE.sub("", file.read_text(encoding="utf-8")), re.MULTILINE)
    return frozenset(map(_slug, headings))


def _slug(heading: str) -> str:
    words = re.sub(r"[^\w\s-]", "", re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)).strip().lower()
    return re.sub(r"[-\s]+", "-", words)


def _missing_paths(prose: str, root: Path) -> Iterator[str]:
    for path in dict.fromkeys(_PATH.findall(prose)):
        if not _PLACEHOLDER.search(path) and not (root / path).exists():
            yield f"names {path}, which does not exist"


def _missing_tests(prose: str, root: Path) -> Iterator[str]:
    for name, is_file, inner in _TEST.findall(prose):
        if is_file and name not in _test_names(root)[0]:
            yield f"names {name}.py, which is no file of tests"
        for test in filter(None, (inner, "" if is_file else name)):
            if test not in _test_names(root)[1]:
                yield f"names {test}, which is no test"


@cache
def _test_names(root: Path) -> tuple[frozenset[str], frozenset[str]]:
    files = list((root / "tests").rglob("test_*.py"))
    texts = (file.read_text(encoding="utf-8") for file in files)
    tests = (name for text in texts for name in re.findall(r"def (test_\w+)\(", text))
    return frozenset(file.stem for file in files), frozenset(tests)


def _missing_pages(root: Path) -> Iterator[str]:
    """Pages that code names."""
    for folder in _FOLDERS:
        for file in sorted((root / folder).rglob("*")):
            if file.suffix in _CODE and file.parent != root / "tests" / "docs":
                named = dict.fromkeys(_PAGE.findall(file.read_text(encoding="utf-8")))
                missing = (page for page in named if not (root / page).exists())
                yield from (f"{file.relative_to(root)}: names {page}, which does not exist" for page in missing)


def main() -> None:
    found = list(faults())
    for fault in found:
        print(fault)
    print(f"{len(pages())} pages, {len(found)} faults", file=sys.stderr)
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
