"""The Makefile's targets that print a document print nothing else, a set-up before it or not."""

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PYTHON = """#!/bin/sh
case "$*" in
*"-m venv"*) mkdir -p VENV/bin && cp "$0" VENV/bin/python && cp "$0" VENV/bin/pip ;;
*"-m stackwire"*) echo "{}" ;;
esac
"""


@pytest.mark.parametrize("target", ["openapi", "openapi-admin", "asyncapi"])
def test_a_set_up_leaves_standard_output_to_the_document(tmp_path: Path, target: str) -> None:
    python = tmp_path / "python"
    python.write_text(PYTHON.replace("VENV", str(tmp_path / "venv")))
    python.chmod(0o755)
    words = ["make", "--no-print-directory", target, f"PYTHON={python}", f"VENV={tmp_path / 'venv'}"]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "{}\n"
    assert "Setting up" in done.stderr
