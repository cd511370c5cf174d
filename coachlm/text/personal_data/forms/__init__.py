"""Personal data that is known by its form, one module a kind."""
