"""The simulated phone: registers itself and shows the pushes a simulator holds for it."""
