"""Words, keys, and where to look."""
