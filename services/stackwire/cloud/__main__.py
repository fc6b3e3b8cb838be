"""The program, also as ``python -m stackwire.cloud``. The command's imports take a moment; a Ctrl-C may come in it."""

import sys


def main() -> None:
    """Runs the command; ends the process with its exit code."""
    try:
        from stackwire.cloud.cli import main as command

        command()
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
