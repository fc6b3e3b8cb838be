"""Where the answers of a recorded cloud are kept, a file for each request."""

from pathlib import Path

ANSWERS = Path(__file__).parent.parent / "data" / "answers"
