"""The limits of the machine that stand beside the image service: bare servers of rows, of a file, and of uploads.

``python limits.py DSN PORT FILE``: at PORT aiohttp answers ``GET /row/ID`` with an image's row and properties by one
statement of asyncpg, with no tokens, rules, logs; at PORT + 1 a thread a connection answers with FILE by sendfile; at
PORT + 2 ``bare_upload.py`` takes uploads into the folder of FILE.
"""

import contextlib
import socket
import sys
import threading
from pathlib import Path

import asyncpg
import orjson
import uvloop
from aiohttp import web
from bare_upload import take_uploads

ROW = """SELECT i.*, (SELECT json_object_agg(p.name, p.value) FROM image_properties p WHERE p.image_id = i.id)
                     AS properties FROM images i WHERE i.id = $1"""


async def application(dsn: str) -> web.Application:
    pool = await asyncpg.create_pool(dsn, min_size=1, max_size=8, server_settings={"search_path": "image"})

    async def row(request: web.Request) -> web.Response:
        found = await pool.fetchrow(ROW, request.match_info["id"])
        body = {**found, "properties": orjson.loads(found["properties"])}
        return web.Response(body=orjson.dumps(body, default=str), content_type="application/json")

    app = web.Application()
    app.router.add_get("/row/{id}", row)
    return app


def send_file(port: int, path: Path) -> None:
    listening = socket.create_server(("127.0.0.1", port))
    while True:
        connection, _ = listening.accept()
        threading.Thread(target=answer, args=(connection, path), daemon=True).start()


def answer(connection: socket.socket, path: Path) -> None:
    with connection, path.open("rb") as file, contextlib.suppress(ConnectionError):
        connection.recv(65536)
        connection.sendall(f"HTTP/1.1 200 OK\r\nContent-Length: {path.stat().st_size}\r\n\r\n".encode())
        connection.sendfile(file)


def main() -> None:
    dsn, port, path = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])
    threading.Thread(target=send_file, args=(port + 1, path), daemon=True).start()
    threading.Thread(target=take_uploads, args=(port + 2, path.parent), daemon=True).start()
    loop = uvloop.new_event_loop()
    web.run_app(application(dsn), host="127.0.0.1", port=port, loop=loop, access_log=None, print=print)


if __name__ == "__main__":
    main()
