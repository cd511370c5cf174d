"""What formats share: fields, contents, replies, outcomes."""
