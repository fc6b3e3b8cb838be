"""Sources of the command line: the tracer of a running cloud, any RabbitMQ, recorded files; one client for all."""

import asyncio
import contextlib
import json
import logging
import os
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote, urlencode

if TYPE_CHECKING:
    from stackwire.trace.domain.message import Message
    from stackwire.trace.domain.message_store import MessageStore

T = TypeVar("T")
JsonObject = dict[str, Any]


class QueryError(Exception):
    """One line for standard error; exit code 2 when the source cannot be queried, 1 when there is nothing to show."""

    def __init__(self, message: str, code: int = 2) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class MessageFilter:
    """Calls ``show`` with messages that match: ``parameters`` are those of the tracer's API, for any source."""

    show: Callable[[JsonObject], None]
    parameters: Mapping[str, str]

    def matches(self, store: "MessageStore") -> "Callable[[Message], bool]":
        """The same for the messages of a store."""
        from stackwire.trace.domain.filters import message_filter

        text, others = self.parameters.get("text", ""), message_filter(self.parameters, store.names)
        return lambda message: others(message) and (not text or message.mentions(text))


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceOptions:
    """One of a tracer's URL, a bus and recorded files; without any, the cloud of the data directory.

    ``seconds``: how long to listen to a bus before a query. Raises QueryError when the options exclude each other.
    """

    data_dir: Path
    trace_url: str | None = None
    amqp_url: str | None = None
    management_url: str | None = None
    file: Sequence[Path] | None = None
    seconds: float = 10.0
    index_url: str | None = None

    def __post_init__(self) -> None:
        options = (
            ("--trace-url", self.trace_url),
            ("--amqp-url", self.amqp_url),
            ("--file", self.file),
            ("--index-url", self.index_url),
        )
        given = [name for name, value in options if value]
        if len(given) > 1:
            raise QueryError(f"{' and '.join(given)} exclude each other")
        if self.management_url and not self.amqp_url:
            raise QueryError("--management-url is of the RabbitMQ that --amqp-url names")
        for name, url in (("--trace-url", self.trace_url), ("--index-url", self.index_url)):
            if url is not None and not url.startswith(("http://", "https://")):
                raise QueryError(f"{name} is http://host:port, not '{url}'")

    @property
    def is_tracer(self) -> bool:
        """True when a tracer's API is queried, rather than a bus or files."""
        return not (self.amqp_url or self.file)


class TraceClient:
    """Queries the source that the options select; ``log`` receives remarks for standard error."""

    def __init__(self, options: SourceOptions, log: Callable[[str], None]) -> None:
        self._options = options
        self._log = log

    async def query(self, name: str, *arguments: str) -> JsonObject:
        """A response of the tracer's API (``name`` is one of ``flows.queries.QUERIES``), from any source."""
        _require_names(*arguments)
        if self._options.index_url is not None:
            return await self._query_index(name, *arguments)
        if self._options.is_tracer:
            return await self._get("/".join([name, *(quote(argument, safe="") for argument in arguments)]))
        from stackwire.trace.flows.queries import QUERIES

        return await self._compute(lambda store: QUERIES[name](store, *arguments))

    async def export(self, wanted: str, format: str) -> str:
        """A story in another tool's format."""
        _require_names(wanted)
        if self._options.is_tracer:
            return await self._text(f"stories/{quote(wanted, safe='')}/export?form={quote(format, safe='')}")
        from stackwire.trace.flows.queries import export

        return await self._compute(lambda store: export(store, wanted, format)[0])

    async def stories(self, parameters: Mapping[str, str], limit: int) -> JsonObject:
        """The last stories that match, the newest first."""
        if self._options.is_tracer:
            return await self._get(f"stories?{urlencode({**parameters, 'limit': str(limit), 'order': 'newest'})}")
        from stackwire.trace.domain.filters import story_filter
        from stackwire.trace.flows.selection import Selection, select_stories

        async with self._store() as store:
            await self._listen()
            matches, text = story_filter(parameters, store.names), parameters.get("text", "")
            return await select_stories(store, Selection(matches=matches, text=text, limit=limit), None)

    async def tail(self, wanted: MessageFilter, last: int, follow: bool) -> None:
        """Messages as they pass; of a tracer, before them, the ``last`` it has; of files, their ``last`` only."""
        if self._options.is_tracer:
            await self._tail_tracer(wanted, last, follow)
            return
        from stackwire.trace.domain.wording import Wording
        from stackwire.trace.flows.tail import follow as live_messages

        async with self._store() as store:
            matches, wording = wanted.matches(store), Wording(store.names)
            if self._options.file:
                for message in list(filter(matches, store.messages()))[-last:]:
                    wanted.show(wording.message(message))
                return
            async for message in live_messages(store):
                if matches(message):
                    wanted.show(wording.message(message))

    async def _query_index(self, name: str, *arguments: str) -> JsonObject:
        """The index knows where properties are, not how they came there."""
        if name != "where":
            raise QueryError(
                "an index answers 'trace where' only: who set a property, and its way, is what a tracer has"
            )
        from stackwire.core.errors import ServiceError
        from stackwire.http.command_login import token_of_environment

        try:
            token = await token_of_environment(os.environ)
        except ServiceError as error:
            raise QueryError(error.message) from error
        path = "/".join([name, *(quote(argument, safe="") for argument in arguments)])
        document = await self._get(path, {"X-Auth-Token": token})
        return {**document, "places": [{**each, "set_by": f"(since {each['since']})"} for each in document["places"]]}

    # -- a tracer's API

    async def _tail_tracer(self, wanted: MessageFilter, last: int, follow: bool) -> None:
        past = await self._get(f"messages?{urlencode({**wanted.parameters, 'limit': str(last)})}")
        for message in past["messages"]:
            wanted.show(message)
        bounds = past.get("bounds", {})
        if bounds.get("problem"):
            self._log(f"stackwire: {bounds['problem']}")
        for since, until in bounds.get("gaps", []):
            self._log(f"stackwire: no messages were received for {until - since:.1f} s, while the bus was disconnected")
        newest = max((message["number"] for message in past["messages"]), default=0)
        if not follow:
            return
        async for message in self._events(wanted.parameters):
            if message["number"] > newest:
                wanted.show(message)

    async def _events(self, parameters: Mapping[str, str]) -> AsyncIterator[JsonObject]:
        import aiohttp

        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=None), read_bufsize=2**24) as session,
            session.get(f"{self._base()}/tail?{urlencode(parameters)}") as response,
        ):
            with contextlib.suppress(aiohttp.ClientError):  # the cloud was stopped: that is the end of the tail
                async for line in response.content:
                    if line.startswith(b"data: "):
                        yield json.loads(line[6:])

    async def _get(self, path: str, headers: Mapping[str, str] | None = None) -> JsonObject:
        try:
            document: JsonObject = json.loads(await self._text(path, headers))
        except ValueError as error:
            raise QueryError(f"the server at {self._base()} is not a tracer") from error
        return document

    async def _text(self, path: str, headers: Mapping[str, str] | None = None) -> str:
        import aiohttp

        from stackwire.trace.backends.network_errors import network_error_text

        base = self._base()
        try:
            async with aiohttp.ClientSession(headers=headers) as session, session.get(f"{base}/{path}") as response:
                if response.status in (401, 403):
                    raise QueryError((await response.json())["error"]["message"])
                if response.status != 200 and not await _is_tracer(session, base):
                    raise QueryError(f"the server at {base} is not a tracer")
                if response.status in (400, 404):
                    message = (await response.json())["error"]["message"]
                    raise QueryError(message, 1 if response.status == 404 else 2)
                if response.status != 200:
                    raise QueryError(f"the tracer at {base} answers {response.status}")
                return await response.text()
        except (aiohttp.ClientError, ValueError, OSError) as error:
            raise QueryError(f"the tracer at {base} does not respond: {network_error_text(error)}") from error

    def _base(self) -> str:
        if url := self._options.index_url or self._options.trace_url:
            return url.rstrip("/")
        data_dir = self._options.data_dir
        try:
            state = json.loads((data_dir / "cloud.json").read_text())
            return str(state["services"]["trace"])
        except FileNotFoundError as error:
            raise QueryError(
                f"no cloud runs in {data_dir}: start one (stackwire up), or give --amqp-url or --file"
            ) from error
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise QueryError(f"the cloud in {data_dir} runs without a tracer (--trace-port)") from error

    # -- a bus or files

    async def _compute(self, answer: Callable[["MessageStore"], T]) -> T:
        """The answer from a store with the messages of the files, or of the bus after listening for some seconds."""
        from stackwire.core.errors import ServiceError

        async with self._store() as store:
            await self._listen()
            try:
                return answer(store)
            except ServiceError as error:
                raise QueryError(error.message, 1) from error

    async def _listen(self) -> None:
        if self._options.amqp_url:
            self._log(f"listening for {self._options.seconds:g} s ...")
            await asyncio.sleep(self._options.seconds)

    @contextlib.asynccontextmanager
    async def _store(self) -> AsyncIterator["MessageStore"]:
        from stackwire.trace.domain.message_store import MessageStore

        store = MessageStore()
        if not self._options.file:
            async with self._connected(store):
                yield store
            return
        from stackwire.trace.backends.recording_file import RecordingError, read_recordings

        try:
            read_recordings(self._options.file, store)
        except RecordingError as error:
            raise QueryError(str(error)) from error
        yield store

    @contextlib.asynccontextmanager
    async def _connected(self, store: "MessageStore") -> AsyncIterator[None]:
        from stackwire.core.errors import ServiceError
        from stackwire.messaging.connect import connect
        from stackwire.trace.backends.firehose import firehose

        amqp_url = self._options.amqp_url or ""
        logging.disable(logging.CRITICAL)  # the AMQP client logs the error that QueryError is for
        try:
            transport = await connect(amqp_url, name="stackwire-trace")
        except (ServiceError, ValueError) as error:
            raise QueryError(error.message if isinstance(error, ServiceError) else str(error)) from error
        try:
            async with firehose(transport, store, amqp_url, self._options.management_url) as how:
                self._log(f"tracing ({how})")
                yield
        except ServiceError as error:
            raise QueryError(error.message) from error
        finally:
            await transport.close()


def _require_names(*names: str) -> None:
    """An empty text would be the beginning of every id."""
    if not all(name.strip() for name in names):
        raise QueryError("a name must not be empty")


async def _is_tracer(session: Any, base: str) -> bool:
    """Every service of the cloud has the same 404 body; only the tracer names itself at its root."""
    async with session.get(f"{base}/") as response:
        try:
            document = await response.json(content_type=None)
        except ValueError:
            return False
        return isinstance(document, dict) and document.get("service") == "trace"
