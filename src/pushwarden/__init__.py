"""Pushwarden keeps the keys, sends the pushes, and stops them the moment you say so."""

__version__ = "0.1.0"
