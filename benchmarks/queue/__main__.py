"""`python -m benchmarks.queue [--quick]`, see `run`."""

from benchmarks.queue.run import main

if __name__ == "__main__":
    main()
