"""The data plane: the way of a push, numbered as it flows. Reads the Snapshot, gives back outcomes."""
