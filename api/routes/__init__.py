"""The routes, by purpose."""
