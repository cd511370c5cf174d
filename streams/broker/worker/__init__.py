"""A stage's worker: drivers, handlers, batches, watchdog."""
