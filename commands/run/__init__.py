"""Commands from logs to a data set on one machine."""
