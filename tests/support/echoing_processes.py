"""A program of several processes that tell who they are, for the tests of what supervises them.

``python echoing_processes.py PORT COUNT [overlap]``; a connection to the port gets the number and the id of a process
after a line was sent. With ``fail`` in place of a count the only process cannot start.
"""

import asyncio
import gc
import os
import sys
from pathlib import Path

from stackwire.runtime import siblings
from stackwire.runtime.logs import configure
from stackwire.runtime.main import print_line, run, until_signal
from stackwire.runtime.port import PortInUse
from stackwire.runtime.processes import Ready, Supervisor
from stackwire.runtime.siblings import Share

sys.path.insert(0, str(Path(__file__).parents[1]))
from support.polling import turns_of_the_loop, until

PORT, COUNT, OVERLAP = int(sys.argv[1]), sys.argv[2], "overlap" in sys.argv


def work(share: Share, ready: Ready) -> int:
    if COUNT == "fail":
        return 7
    run(lambda: serve(share, ready))
    return 0


async def serve(share: Share, ready: Ready) -> None:
    answering: set[object] = set()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        answering.add(writer)
        if await reader.readline():
            writer.write(f"{share.number} {os.getpid()}\n".encode())
            await writer.drain()
        writer.close()
        answering.remove(writer)

    server = await asyncio.start_server(answer, sock=siblings.inherited("127.0.0.1", PORT))

    def serves() -> None:
        print(f"looks for garbage: {gc.isenabled()}", flush=True)
        ready("all serve")

    await until_signal(serves)
    await turns_of_the_loop(3)  # who has been accepted is answered
    server.close()
    await until(lambda: not answering)


if __name__ == "__main__":
    configure()
    gc.disable()  # as ``stackwire up`` does until it runs
    count = 1 if COUNT == "fail" else int(COUNT)
    try:
        sys.exit(Supervisor("echo", count, work, [("127.0.0.1", PORT)], grace=5.0, overlap=OVERLAP).run(print_line))
    except PortInUse as error:
        sys.exit(f"{error}")
