"""Commands around the post-edit desk."""
