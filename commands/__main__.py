"""`python -m commands` is the command line, as `coachlm` is."""

from commands import main

if __name__ == "__main__":
    main(prog_name="coachlm")
