"""`python -m coachlm` is the command line, which stands on the top floor: named here, not imported."""

import runpy

if __name__ == "__main__":
    runpy.run_module("commands", run_name="__main__")
