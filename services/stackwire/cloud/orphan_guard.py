"""Stops a PostgreSQL when the process that started it ends, even by kill -9."""

import subprocess
from pathlib import Path
from typing import Any

_SCRIPT = """
read -r nothing
if [ -r "/proc/$1/cmdline" ]; then runs=$(tr '\\0' ' ' <"/proc/$1/cmdline"); else runs=$(ps -o command= -p "$1"); fi
case "$runs" in *" $2 "*) kill -INT "$1" ;; esac
"""


class OrphanGuard:
    """A small shell that reads from a pipe nobody writes to: the pipe closes when the process at its other end exits.

    Then it sends PostgreSQL a fast shutdown, if the process still is the one with this data directory.
    """

    def __init__(self, pid: int, data: Path, identity: dict[str, Any]) -> None:
        """``identity``: Popen's arguments for the user to run as, who must be allowed to signal the server."""
        self._shell = subprocess.Popen(
            ["/bin/sh", "-c", _SCRIPT, "stackwire-guard", str(pid), str(data)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            start_new_session=True,
            **identity,
        )

    def dismiss(self) -> None:
        """Ends the guard without stopping the server."""
        self._shell.kill()  # before its pipe ends
        self._shell.wait()
        if self._shell.stdin is not None:
            self._shell.stdin.close()
