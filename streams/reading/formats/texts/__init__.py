"""What stands in texts that no field holds: reasoning, rendered templates, citation marks."""
