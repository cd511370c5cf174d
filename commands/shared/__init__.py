"""What commands share: output, progress, moments."""
