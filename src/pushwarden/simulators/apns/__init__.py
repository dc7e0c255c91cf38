"""The APNs simulator: documented validation, fault scripts and a frame log over real TLS and HTTP/2."""
