"""The way out: TLS and, later, the one client for outbound HTTP."""
