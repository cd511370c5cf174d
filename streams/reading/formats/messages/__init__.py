"""Messages and what stands in them: speakers, content, tools, reasoning, marks, ends."""
