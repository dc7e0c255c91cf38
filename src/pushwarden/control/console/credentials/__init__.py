"""The credentials of an app and environment."""
