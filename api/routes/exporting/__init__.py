"""Routes that give out data sets and rejects, and what they may be asked for."""
