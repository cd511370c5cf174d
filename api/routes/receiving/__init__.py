"""Routes that take logs: lines, OTLP, LiteLLM and Langfuse."""
