"""Writing what intake found."""
