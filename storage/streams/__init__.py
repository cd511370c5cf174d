"""The store of stream workers: positions, outbox, dead letters, reconciling."""
