"""Writing to the broker: producing, relaying, replaying."""
