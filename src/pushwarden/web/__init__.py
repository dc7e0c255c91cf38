"""What both planes share of HTTP: routes, access, bodies, problems. Knows core and ports only."""
