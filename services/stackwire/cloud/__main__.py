"""``python -m stackwire.cloud`` is the command."""

from stackwire.cloud.cli import main

main()
