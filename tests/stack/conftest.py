"""What this tier needs besides the fixtures of all."""

import os

# Builds images and starts containers, which nobody expects of `make test`: it is `make test-compose`.
collect_ignore = [] if os.environ.get("TEST_COMPOSE") else ["test_compose_run.py"]
