"""The installation: what runs, what waits, what it reaches."""
