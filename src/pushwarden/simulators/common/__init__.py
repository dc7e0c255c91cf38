"""What every provider's simulator has: the connection and its faults, the log, the control door, the start and end."""
