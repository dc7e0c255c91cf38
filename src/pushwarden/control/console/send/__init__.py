"""Sending a push and seeing what becomes of it."""
