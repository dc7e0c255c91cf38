"""Who can be reached: the app's devices."""
