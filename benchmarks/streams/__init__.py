"""Throughput, latency and back-pressure of the streams."""
