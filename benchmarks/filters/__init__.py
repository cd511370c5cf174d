"""The preliminary filter against hand labels."""
