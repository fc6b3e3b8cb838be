"""A worker that starts on a cast and never ends it, until it is killed: ``stuck_worker.py URL TOPIC``."""

import asyncio
import sys
from typing import Any

from stackwire.contracts.base import Cast, Target
from stackwire.core.context import RequestContext
from stackwire.messaging.connect import connect
from stackwire.messaging.rpc import RpcServer


class Paint(Cast, target=Target("boxes", "unset"), method="paint"):
    colour: str


async def stuck(ctx: RequestContext, message: Any) -> None:
    print("started", flush=True)
    await asyncio.Event().wait()


async def main(url: str, topic: str) -> None:
    transport = await connect(url, name="stuck")
    server = RpcServer(transport, Target(f"x{topic}", topic), "stuck", [Paint.served_by(stuck)])
    await server.start()
    print("ready", flush=True)
    await asyncio.Event().wait()


asyncio.run(main(*sys.argv[1:]))
