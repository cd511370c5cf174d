"""What other programs send over HTTP in shapes of their own, as lines for the log door."""
