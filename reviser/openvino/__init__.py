"""Converted models on OpenVINO GenAI: no torch at run time. `conversion.py` alone, which makes them, imports it."""
