"""The post-edit queue under load, and its promises."""
