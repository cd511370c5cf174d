"""Topics: making them, their lag, noticing that one was made anew."""
