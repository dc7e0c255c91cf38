"""What the two planes ask of the world, in their own words: small Protocols, at most eight methods each."""
