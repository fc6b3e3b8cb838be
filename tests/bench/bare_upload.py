"""An upload with as little as there can be: one thread receives into buffers that are used again, one for each digest
hashes them, one writes them; the file is on the disk before the answer.

The answer's header ``X-Took`` says what each thread took of a processor: milliseconds for a MiB.
"""

import contextlib
import hashlib
import os
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from queue import SimpleQueue

BUFFERS, BUFFER_BYTES, TO_DISK_BYTES = 8, 1024**2, 8 * 1024**2


class Part(threading.Thread):
    """What one thread does with each buffer; the last one to have seen it gives it back."""

    def __init__(self, name: str, work: Callable[[memoryview], object], free: SimpleQueue[memoryview]) -> None:
        super().__init__(name=name, daemon=True)
        self.given: SimpleQueue[tuple[memoryview, list[bool]] | None] = SimpleQueue()
        self.seconds = 0.0
        self._work, self._free = work, free
        self.start()

    def run(self) -> None:
        while (given := self.given.get()) is not None:
            data, is_last = given
            self._work(data)
            if is_last.pop():  # one step of the interpreter
                self._free.put(data)
        self.seconds = time.thread_time()


def take(connection: socket.socket, path: Path) -> None:
    """One upload, as little as can be: received, hashed twice, written, and on the disk before it is answered."""
    with connection, path.open("wb", buffering=0) as file, contextlib.suppress(ConnectionError):
        head, _, first = _head(connection).partition(b"\r\n\r\n")
        size = int(next(line for line in head.split(b"\r\n") if line.startswith(b"Content-Length")).split(b":")[1])
        free: SimpleQueue[memoryview] = SimpleQueue()
        for _ in range(BUFFERS):
            free.put(memoryview(bytearray(BUFFER_BYTES)))
        hashes = hashlib.md5(usedforsecurity=False), hashlib.sha512()
        parts = [Part(each.name, each.update, free) for each in hashes]
        parts.append(Part("write", lambda data: _write(file.fileno(), data), free))
        begun = time.thread_time()
        receive(connection, first, size, free, parts)
        for part in parts:
            part.given.put(None)
        for part in parts:
            part.join()
        os.fsync(file.fileno())
        took = {part.name: part.seconds for part in parts} | {"receive": time.thread_time() - begun}
        text = " ".join(f"{name} {1e3 * seconds / (size / 1024**2):.2f}" for name, seconds in took.items())
        connection.sendall(f"HTTP/1.1 204 No Content\r\nX-Took: {text}\r\n\r\n".encode())


def receive(
    connection: socket.socket, first: bytes, size: int, free: SimpleQueue[memoryview], parts: list[Part]
) -> None:
    remaining = size
    while remaining:
        data = free.get()[:remaining]
        at = len(first)
        data[:at], first = first, b""
        while at < len(data):
            came = connection.recv_into(data[at:])
            if not came:
                raise ConnectionResetError
            at += came
        remaining -= len(data)
        is_last = [True, *[False] * (len(parts) - 1)]
        for part in parts:
            part.given.put((data, is_last))


def _head(connection: socket.socket) -> bytes:
    came = b""
    while b"\r\n\r\n" not in came:
        came += connection.recv(65536)
    return came


def _write(file: int, data: memoryview) -> None:
    os.write(file, data)
    at = os.lseek(file, 0, os.SEEK_CUR)
    if not at % TO_DISK_BYTES:
        os.posix_fadvise(file, at - TO_DISK_BYTES, TO_DISK_BYTES, os.POSIX_FADV_DONTNEED)


def take_uploads(port: int, folder: Path) -> None:
    """Each into a file that is removed after the answer."""
    listening = socket.create_server(("127.0.0.1", port))

    def serve(connection: socket.socket, path: Path) -> None:
        take(connection, path)
        path.unlink()

    for number in range(1 << 30):
        connection, _ = listening.accept()
        threading.Thread(target=serve, args=(connection, folder / f"bare-{number}"), daemon=True).start()
