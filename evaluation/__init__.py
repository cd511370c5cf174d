"""What a data set is like before and after the coach, and how models' responses are rated and compared."""
