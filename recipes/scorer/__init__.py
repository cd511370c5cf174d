"""What trains the local scorer and what it is measured on."""
