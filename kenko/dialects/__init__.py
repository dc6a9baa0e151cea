"""What clients send, turned into usage events. Pure."""
