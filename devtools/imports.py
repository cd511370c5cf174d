"""`python -m devtools.imports [--brief]`: the house as its imports show it.

Folders with their floor, the imports between them, circles and imports that run back up; the last line is JSON. A
folder is one node: its own files, without its sub-folders. Floors are those of pyproject's contract `layers`. The exit
code is 1 where there is a circle, an import that runs back up, or a folder with more files than `MOST_FILES`.
"""

import ast
import json
import sys
import tomllib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

MOST_FILES = 15
"""In one folder, beside its sub-folders; `benchmarks/` may have more, for each of its files is a command."""


@dataclass(frozen=True, slots=True)
class House:
    """Folders (dotted), their files, and which imports which, with the files that do."""

    floors: Mapping[str, int]  # of rooms, the ground floor is 1
    files: Mapping[str, int]
    imports: Mapping[tuple[str, str], Sequence[str]]  # (folder, folder it imports): "file -> file"

    def circles(self) -> list[list[str]]:
        """Each group of folders that import one another, directly or round about."""
        return [sorted(group) for group in _components(self.imports) if len(group) > 1]

    def back_up(self) -> list[str]:
        """Imports of a room on the same floor or above."""
        found = []
        for (folder, imported), places in self.imports.items():
            room, other = _room(folder), _room(imported)
            if room != other and self.floors.get(other, 0) >= self.floors.get(room, 0):
                found += places
        return sorted(found)


def read_house(root: Path) -> House:
    floors = _floors(root)
    modules = {_dotted(path, root): path for room in floors for path in sorted((root / room).rglob("*.py"))}
    files = Counter(_folder(name, path) for name, path in modules.items())
    imports: dict[tuple[str, str], list[str]] = defaultdict(list)
    for name, path in modules.items():
        for imported in sorted(_imported(path, modules)):
            edge = (_folder(name, path), _folder(imported, modules[imported]))
            if edge[0] != edge[1]:
                imports[edge].append(f"{name} -> {imported}")
    return House(floors, files, imports)


def _floors(root: Path) -> dict[str, int]:
    """Rooms by floor, from the import contract; what stands beside the product comes above all of it."""
    contracts = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]["contracts"]
    layers = next(contract["layers"] for contract in contracts if contract["type"] == "layers")
    floors = {room.strip(): floor for floor, layer in enumerate(reversed(layers), 1) for room in layer.split("|")}
    beside = next(
        contract["layers"]
        for contract in contracts
        if contract["type"] == "layers" and "benchmarks" in contract["layers"]
    )
    above = [room for room in reversed(beside) if room not in floors]
    return floors | {room: len(layers) + place for place, room in enumerate(above, 1)}


def _dotted(path: Path, root: Path) -> str:
    return ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__")


def _folder(name: str, path: Path) -> str:
    return name if path.name == "__init__.py" else name.rpartition(".")[0]


def _room(folder: str) -> str:
    return folder.partition(".")[0]


def _imported(path: Path, modules: Mapping[str, Path]) -> set[str]:
    """Modules of ours that a file imports anywhere, also inside functions and for types alone."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            names = (f"{node.module}.{alias.name}" for alias in node.names)
            found |= {name if name in modules else node.module for name in names}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return {name for name in found if name in modules and modules[name] != path}


def _components(edges: Iterable[tuple[str, str]]) -> Iterator[set[str]]:
    """Strongly connected components, by taking one circle out after another."""
    graph: dict[str, set[str]] = defaultdict(set)
    for folder, imported in edges:
        graph[folder].add(imported)
    while True:
        try:
            TopologicalSorter(graph).prepare()
            return
        except CycleError as error:
            circle = set(error.args[1])
        yield circle
        for folder in circle:
            graph[folder] -= circle


def show(house: House) -> None:
    for room in sorted(house.floors, key=lambda room: (-house.floors[room], room)):
        print(f"floor {house.floors[room]}  {room}")
        for folder in sorted(name for name in house.files if _room(name) == room):
            within = sorted(to for source, to in house.imports if source == folder and _room(to) == room)
            needs = sorted({_room(to) for source, to in house.imports if source == folder} - {room})
            print(f"  {folder:<38} {house.files[folder]:>3} files  imports {', '.join([*within, *needs]) or 'nothing'}")


def main() -> None:
    house = read_house(Path(__file__).resolve().parents[1])
    if "--brief" not in sys.argv[1:]:
        show(house)
    circles, back_up = house.circles(), house.back_up()
    for circle in circles:
        print("circle:", " <-> ".join(circle))
    for place in back_up:
        print("runs back up:", place)
    product = {folder: count for folder, count in house.files.items() if folder != "benchmarks"}
    largest = max(product, key=lambda folder: (product[folder], folder))
    inside = Counter(_room(source) for source, to in house.imports if _room(source) == _room(to))
    print(
        json.dumps(
            {
                "circles": len(circles),
                "back_up": len(back_up),
                "imports": len(house.imports),
                "largest_folder_files": product[largest],
                "largest_folder": largest,
                "imports_inside": dict(sorted(inside.items())),
            }
        )
    )
    sys.exit(1 if circles or back_up or product[largest] > MOST_FILES else 0)


if __name__ == "__main__":
    main()
