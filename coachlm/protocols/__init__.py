"""What the rooms promise one another, and the values between them; each kind in a module of its own."""
