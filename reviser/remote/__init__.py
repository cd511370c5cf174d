"""Revising by OpenAI-compatible servers: vLLM for scale, or any other that completes prompts."""
