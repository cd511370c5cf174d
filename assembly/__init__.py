"""Puts the rooms together: stores, engines, services, workers. Knows every room, and no command line."""
