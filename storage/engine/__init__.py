"""Connections, schema, bulk statements: what every table's code stands on."""
