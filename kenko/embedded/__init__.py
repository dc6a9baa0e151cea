"""A local Kafka-compatible broker and Redis for trial, demo and tests. Never for production."""
