"""Redis: the fenced commit and the read model, each with an in-memory twin that passes the same suite."""
