"""Reports and figures people can read."""
