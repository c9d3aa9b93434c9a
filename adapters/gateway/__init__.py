"""The way in: webhooks are checked, stored in Kafka as they came, and only then acknowledged."""
