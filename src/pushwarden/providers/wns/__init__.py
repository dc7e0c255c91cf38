"""Windows Push Notification Services. Its secrets are recognised and looked at; sending comes later."""
