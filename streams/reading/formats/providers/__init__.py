"""Requests and answers as each provider writes them."""
