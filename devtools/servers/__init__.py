"""Real servers on this machine for tests, benchmarks and `make kafka`: loopback only, data in temporary folders.

They stand here because tests, benchmarks and the Makefile all start them; the product never does.
"""
