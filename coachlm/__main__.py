"""`python -m coachlm` is the command line."""

from coachlm.cli import main

if __name__ == "__main__":
    main(prog_name="coachlm")
