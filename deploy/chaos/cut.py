"""Cuts connections to PostgreSQL and RabbitMQ, one at random at a time: the services are to go on as if nothing was.

cut.py SEED SECONDS

``SECONDS`` is the mean pause. The same seed draws the same sequence of victims among those that there are.
"""

import asyncio
import base64
import json
import os
import random
import sys
from pathlib import Path
from typing import Any
from urllib.parse import quote
from urllib.request import Request, urlopen

import asyncpg

SECRETS = Path(os.environ.get("SECRETS", "/run/secrets"))
OURS = ("identity", "image", "volume", "compute", "trace", "index", "registry")


def secret(name: str) -> str:
    return (SECRETS / name).read_text().splitlines()[0]


def management(method: str, path: str) -> Any:
    login = base64.b64encode(f"stackwire:{secret('amqp_password')}".encode()).decode()
    headers = {"Authorization": f"Basic {login}", "X-Reason": "chaos"}
    request = Request(f"{os.environ['MANAGEMENT_URL']}/api/{path}", headers=headers, method=method)  # noqa: S310  # the broker's own
    with urlopen(request, timeout=10) as answer:  # noqa: S310  # the operator's own URL
        return json.loads(answer.read() or b"null")


async def cut_database(draw: random.Random) -> str:
    """One session of a service; its transaction, if it is in one, is rolled back."""
    connection = await asyncpg.connect(os.environ["DATABASE_URL"], password=secret("postgres_password"))
    try:
        sessions = "SELECT pid, usename FROM pg_stat_activity WHERE usename = ANY ($1) ORDER BY backend_start"
        rows = await connection.fetch(sessions, list(OURS))
        if not rows:
            return "no session"
        row = draw.choice(rows)
        await connection.execute("SELECT pg_terminate_backend($1)", row["pid"])
        return f"a session of {row['usename']}"
    finally:
        await connection.close()


async def cut_bus(draw: random.Random) -> str:
    """One connection of a service."""
    found = await asyncio.to_thread(management, "GET", "connections")
    names = sorted(connection["name"] for connection in found or ())
    if not names:
        return "no connection"
    name = draw.choice(names)
    await asyncio.to_thread(management, "DELETE", f"connections/{quote(name, safe='')}")
    return f"the connection {name}"


async def main(seed: int, seconds: float) -> None:
    draw = random.Random(seed)
    while True:
        await asyncio.sleep(draw.expovariate(1 / seconds))
        cut = draw.choice((cut_database, cut_bus))
        try:
            print(f"chaos: cut {await cut(draw)}", flush=True)
        except (OSError, ValueError, asyncpg.PostgresError) as error:
            print(f"chaos: {cut.__name__}: {error}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), float(sys.argv[2])))
