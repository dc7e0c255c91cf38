"""Stop with a key: for whoever must stop pushes and cannot sign in."""
