"""`python -m benchmarks.faults [--quick]`, see `run`."""

from benchmarks.faults.run import main

if __name__ == "__main__":
    main()
