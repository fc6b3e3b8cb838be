"""Nobody is left behind: a server goes when the process that started it does, even when that is killed with -9."""

import subprocess
from pathlib import Path
from typing import Any

_SCRIPT = """
read -r nothing
if [ -r "/proc/$1/cmdline" ]; then runs=$(tr '\\0' ' ' <"/proc/$1/cmdline"); else runs=$(ps -o command= -p "$1"); fi
case "$runs" in *" $2 "*) kill -INT "$1" ;; esac
"""


class Guard:
    """A small shell that reads from a pipe nobody writes to: the pipe ends when its other end's process does.

    Then it asks PostgreSQL for a fast shutdown, if the process is still the one that runs on this data.
    """

    def __init__(self, pid: int, data: Path, identity: dict[str, Any]) -> None:
        """``identity``: Popen's arguments for whom to run as, who must be allowed to end the server."""
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
        self._shell.kill()  # before its pipe ends
        self._shell.wait()
        if self._shell.stdin is not None:
            self._shell.stdin.close()
