"""The wire format: bytes from a board in, text frames, stamps, log lines and faults out. Pure."""
