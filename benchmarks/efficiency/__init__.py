"""What is known of the coach's effect, on simulated annotators whose true effect is known."""
