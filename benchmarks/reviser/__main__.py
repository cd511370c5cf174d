"""`python -m benchmarks.reviser [--quick]`, see `run`."""

from benchmarks.reviser.run import main

if __name__ == "__main__":
    main()
