"""One folder a provider: facts, check, render, classify. Pure; imports core only."""
