"""What a tagging coach is taught with: alignment, lessons, calibration."""
