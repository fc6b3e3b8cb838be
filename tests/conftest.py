"""Fixtures every tier may ask for; each is made only when a test asks."""

pytest_plugins = ["support.postgres", "support.rabbitmq", "support.cloud", "support.s3"]
