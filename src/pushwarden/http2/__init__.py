"""Sans-IO HTTP/2 for many small POSTs: bytes in, columns out. Imports nothing of ours and does no I/O."""
