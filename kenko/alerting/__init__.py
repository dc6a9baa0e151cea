"""Whether to tell anyone, and in which words: alert state, suppression, rendering, retry schedule. Pure."""
