"""The HTTP service: everything that people and programs may do, under roles."""
