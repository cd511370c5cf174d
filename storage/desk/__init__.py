"""The post-edit queue: hand-out, submit, approval."""
