"""The admin port of a cloud, for one process: requests in JSON over a connection that stays open."""

import json
import threading
from http.client import HTTPConnection, HTTPException, HTTPResponse
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

TIMEOUT_SECONDS = 60.0


class AdminError(Exception):
    """The admin port refused a request. ``status``: of its answer."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class AdminClient:
    """``url``: of the port; ``token``: a text, or the file that has it."""

    def __init__(self, url: str, token: str | Path) -> None:
        parts = urlsplit(url)
        self._address = (parts.hostname or "127.0.0.1", parts.port or 80)
        self._token = token
        self._connection: HTTPConnection | None = None
        self._one_at_a_time = threading.Lock()

    def request(self, method: str, path: str, body: Any = None, *, timeout: float = TIMEOUT_SECONDS) -> Any:
        """The body of the answer, None for none. Raises AdminError; OSError when nothing answers."""
        token = self._token.read_text().strip() if isinstance(self._token, Path) else self._token
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        data = None if body is None else json.dumps(body)
        with self._one_at_a_time:
            try:
                response = self._send(method, path, data, headers, timeout)
            except (ConnectionError, HTTPException):  # it was idle for long, or the cloud is another one now
                self._drop()
                response = self._send(method, path, data, headers, timeout)
            content = response.read()
        answer = json.loads(content) if content else None
        if response.status >= 400:
            raise AdminError(response.status, _message(answer, response.reason))
        return answer

    def close(self) -> None:
        """Closes the connection; the next request opens another."""
        with self._one_at_a_time:
            self._drop()

    def _send(self, method: str, path: str, data: str | None, headers: dict[str, str], timeout: float) -> HTTPResponse:
        if self._connection is None:
            self._connection = HTTPConnection(*self._address)
        self._connection.timeout = timeout
        if self._connection.sock is not None:
            self._connection.sock.settimeout(timeout)
        self._connection.request(method, path, data, headers)
        return self._connection.getresponse()

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _message(answer: Any, reason: str) -> str:
    error = answer.get("error") if isinstance(answer, dict) else None
    return str(error.get("message") or reason) if isinstance(error, dict) else reason
