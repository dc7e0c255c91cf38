"""Azure Notification Hubs. Its connection strings are recognised and looked at; sending comes later."""
