"""Apps: the home page."""
