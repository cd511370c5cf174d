"""Tuning itself: model, batches, losses, checkpoints, the loop."""
