"""Where the command looks: the tracer of a running cloud, any RabbitMQ, recorded files. One way to ask all three."""

import asyncio
import contextlib
import json
import logging
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

Answer = dict[str, Any]


class CannotTell(Exception):
    """One line for standard error; exit code 2 when it cannot look, 1 when there is nothing to see."""

    def __init__(self, message: str, code: int = 2) -> None:
        super().__init__(message)
        self.code = code


class Told:
    """Shows what is to be shown: not a message's second hop to its queue, nor housekeeping, unless all is wanted."""

    def __init__(self, show: Callable[[Answer], None], everything: bool) -> None:
        self._show, self._everything = show, everything
        self.filters = "deliveries=false" if everything else "deliveries=false&housekeeping=false"
        """The same, in a query of the tracer's API."""

    def __call__(self, message: Answer) -> None:
        if self._wanted(message):
            self._show(message)

    def last(self, messages: list[Answer], count: int) -> None:
        """The newest ``count`` of these; all of them for 0."""
        for message in list(filter(self._wanted, messages))[-count:]:
            self._show(message)

    def _wanted(self, message: Answer) -> bool:
        return message["step"] != "deliver" and (self._everything or not message["housekeeping"])


class Source:
    """Where to look, chosen by the options. One of a URL, a bus and files; the data directory's cloud otherwise."""

    def __init__(
        self,
        data_dir: Path,
        trace_url: str | None,
        amqp_url: str | None,
        management_url: str | None,
        file: list[Path] | None,
        seconds: float,
        say: Callable[[str], None],
    ) -> None:
        """``say`` takes remarks on the way. Raises CannotTell when the places exclude each other."""
        given = [
            name for name, value in (("--trace-url", trace_url), ("--amqp-url", amqp_url), ("--file", file)) if value
        ]
        if len(given) > 1:
            raise CannotTell(f"{' and '.join(given)} exclude each other")
        if management_url and not amqp_url:
            raise CannotTell("--management-url is of the RabbitMQ that --amqp-url names")
        if trace_url is not None and not trace_url.startswith(("http://", "https://")):
            raise CannotTell(f"--trace-url is http://host:port, not '{trace_url}'")
        self._data_dir, self._trace_url = data_dir, trace_url
        self._amqp_url, self._management_url = amqp_url, management_url
        self._files, self._seconds = file or [], seconds
        self._say = say

    async def ask(self, what: str, *about: str) -> Answer:
        """An answer of the tracer's API (``what`` is one of ``views``), wherever it comes from."""
        _named(*about)
        if not (self._amqp_url or self._files):
            return await self._get("/".join([what, *(quote(one, safe="") for one in about)]))
        from stackwire.core.errors import NotFound
        from stackwire.trace.flows import queries

        async with self._store() as store:
            await self._listened()
            try:
                return queries.ANSWERS[what](store, *about)
            except NotFound as error:
                raise CannotTell(error.message, 1) from error

    async def export(self, wanted: str, form: str) -> str:
        """A story in another tool's form."""
        _named(wanted)
        if not (self._amqp_url or self._files):
            return await self._text(f"stories/{quote(wanted, safe='')}/export?form={quote(form, safe='')}")
        from stackwire.core.errors import ServiceError
        from stackwire.trace.flows import queries

        async with self._store() as store:
            await self._listened()
            try:
                return queries.export(store, wanted, form)[0]
            except ServiceError as error:
                raise CannotTell(error.message, 1) from error

    async def _listened(self) -> None:
        if self._amqp_url:
            self._say(f"listening for {self._seconds:g} s ...")
            await asyncio.sleep(self._seconds)

    async def tail(self, show: Told, last: int, follow: bool) -> None:
        if self._files:
            async with self._store() as store:
                show.last([message.as_json() for message in store.messages()], last)
        elif self._amqp_url:
            from stackwire.trace.flows.tail import follow as live_messages

            async with self._store() as store:
                async for message in live_messages(store):
                    show(message.as_json())
        else:
            await self._tail_of_service(show, last, follow)

    async def _tail_of_service(self, show: Told, last: int, follow: bool) -> None:
        past = await self._get(f"messages?limit={last}&{show.filters}")
        for message in past["messages"]:
            show(message)
        if past.get("bounds", {}).get("problem"):
            self._say(f"stackwire: {past['bounds']['problem']}")
        for since, until in past.get("bounds", {}).get("gaps", []):
            self._say(f"stackwire: nothing was seen for {until - since:.1f} s, while the bus was away")
        newest = max((message["number"] for message in past["messages"]), default=0)
        if not follow:
            return
        async for message in self._events():
            if message["number"] > newest:
                show(message)

    async def _events(self) -> AsyncIterator[Answer]:
        import aiohttp

        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=None), read_bufsize=2**24) as session,
            session.get(f"{self._base()}/tail") as answer,
        ):
            with contextlib.suppress(aiohttp.ClientError):  # the cloud was stopped: that is the end of the tail
                async for raw in answer.content:
                    if raw.startswith(b"data: "):
                        yield json.loads(raw[6:])

    async def _get(self, path: str) -> Answer:
        try:
            told: Answer = json.loads(await self._text(path))
        except ValueError as error:
            raise CannotTell(f"what answers at {self._base()} is no tracer") from error
        return told

    async def _text(self, path: str) -> str:
        import aiohttp

        from stackwire.trace.backends.network_errors import reason

        base = self._base()
        try:
            async with aiohttp.ClientSession() as session, session.get(f"{base}/{path}") as answer:
                if answer.status != 200 and not await _is_tracer(session, base):
                    raise CannotTell(f"what answers at {base} is no tracer")
                if answer.status in (400, 404):
                    told = await answer.json()
                    raise CannotTell(told["error"]["message"], 1 if answer.status == 404 else 2)
                if answer.status != 200:
                    raise CannotTell(f"the tracer at {base} answers {answer.status}")
                return await answer.text()
        except (aiohttp.ClientError, ValueError, OSError) as error:
            raise CannotTell(f"the tracer at {base} does not answer: {reason(error)}") from error

    def _base(self) -> str:
        if self._trace_url:
            return self._trace_url.rstrip("/")
        try:
            state = json.loads((self._data_dir / "cloud.json").read_text())
            return str(state["services"]["trace"])
        except FileNotFoundError as error:
            raise CannotTell(
                f"no cloud runs in {self._data_dir}: start one (stackwire up), or give --amqp-url or --file"
            ) from error
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise CannotTell(f"the cloud in {self._data_dir} runs without a tracer (--trace-port)") from error

    @contextlib.asynccontextmanager
    async def _store(self) -> AsyncIterator[Any]:
        from stackwire.core.errors import ServiceError
        from stackwire.messaging.connect import connect
        from stackwire.trace.backends.firehose import firehose
        from stackwire.trace.backends.recording_file import Unreadable, read
        from stackwire.trace.domain.message_store import Store

        store = Store()
        if self._files:
            try:
                read(self._files, store)
            except Unreadable as error:
                raise CannotTell(str(error)) from error
            yield store
            return
        logging.disable(logging.CRITICAL)  # the AMQP client logs what the one line below says
        try:
            transport = await connect(self._amqp_url or "", name="stackwire-trace")
        except (ServiceError, ValueError) as error:
            raise CannotTell(error.message if isinstance(error, ServiceError) else str(error)) from error
        try:
            async with firehose(transport, store, self._amqp_url or "", self._management_url) as how:
                self._say(f"tracing ({how})")
                yield store
        except ServiceError as error:
            raise CannotTell(error.message) from error
        finally:
            await transport.close()


def _named(*about: str) -> None:
    """Nothing is the beginning of every id, and of no path."""
    if not all(word.strip() for word in about):
        raise CannotTell("an empty name names nothing")


async def _is_tracer(session: Any, base: str) -> bool:
    """Every service of the cloud says 404 in one shape."""
    async with session.get(f"{base}/") as answer:
        try:
            told = await answer.json(content_type=None)
        except ValueError:
            return False
        return isinstance(told, dict) and told.get("service") == "trace"
