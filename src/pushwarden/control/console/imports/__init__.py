"""Bringing a list of devices: tried first, mapped, watched, told line by line."""
