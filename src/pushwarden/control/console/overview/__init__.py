"""Overview of an app's environment."""
