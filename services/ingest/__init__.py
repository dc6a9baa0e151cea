"""Takes usage events over HTTP and makes them durable in Kafka before it answers."""
