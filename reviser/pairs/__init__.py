"""From a raw pair to a request, and from an output to a revision."""
