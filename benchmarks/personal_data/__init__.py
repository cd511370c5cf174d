"""What of personal data is found, and what is taken for it wrongly."""
