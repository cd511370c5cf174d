"""The command line by its public door: the console script that the package declares."""

from importlib.metadata import entry_points

main = next(iter(entry_points(group="console_scripts", name="coachlm"))).load()
