"""Tabs whose engine is still to come: what they will hold, and what does the same today."""
