"""Providers and networks that can be made to fail: shipped, runnable, and the oracle of the tests."""
