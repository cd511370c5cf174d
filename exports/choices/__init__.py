"""What a data set may be: its format, its options, and which pairs go into it."""
