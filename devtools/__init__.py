"""Tools for developers: servers to test against, seeded databases, CPU accounting, the layout's check."""
