"""The process of a cloud of tests: ``stackwire up``, which ends when whoever started it does.

Started with the options as JSON; it prints ``ready`` or the reason why not, and ends when its standard input does.
"""

import asyncio
import json
import os
import signal
import sys
import threading
from pathlib import Path
from typing import Any

from stackwire.cloud import up
from stackwire.cloud.options import Options


def main() -> int:
    """The exit code."""
    wanted: dict[str, Any] = json.loads(sys.argv[1])
    answer, sys.stdout = sys.stdout, sys.stderr  # the log
    threading.Thread(target=_end_with_input, daemon=True).start()

    def ready(_text: str) -> None:
        print("ready", file=answer, flush=True)  # the starting process waits for it

    template, server = wanted.pop("template"), wanted.pop("database_url")
    try:
        url = server if template is None else asyncio.run(_copied(server, template, wanted.pop("database")))
        wanted.pop("database", None)
        data_dir = Path(wanted.pop("data_dir"))
        up.up(
            Options(data_dir=data_dir, database_url=url, **{**wanted, "with_bugs": tuple(wanted["with_bugs"])}), ready
        )
    except up.CannotStart as error:
        print(error, file=answer, flush=True)
        return up.CANNOT_START
    return 0


async def _copied(server: str, template: str, name: str) -> str:
    """The URL of a copy of the template database, which takes the place of an earlier one."""
    from stackwire.db.bootstrap import create_database, drop_database, with_database

    await drop_database(server, name)
    await create_database(server, name, template=template)
    return with_database(server, name)


def _end_with_input() -> None:
    while os.read(0, 1024):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    sys.exit(main())
