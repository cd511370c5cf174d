"""What the runs against a real broker are made of: a load, workers to start and kill, and a verdict on what is left."""
