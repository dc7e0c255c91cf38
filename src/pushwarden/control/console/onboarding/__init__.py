"""From nothing to the first push that arrived."""
