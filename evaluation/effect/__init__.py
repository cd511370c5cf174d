"""What the coach saves: the estimate, and the paper's own accounting."""
