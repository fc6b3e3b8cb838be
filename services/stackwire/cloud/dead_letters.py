"""``stackwire dead-letters``: the messages on RabbitMQ that were given up, and back to their queues with them."""

import asyncio
import json
import logging
import sys
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import Annotated, NoReturn, TypeVar

import typer

from stackwire.messaging.dead_letters import DeadLetter, DeadLetters, NoSuchQueue, dead_letters
from stackwire.messaging.errors import BusUnavailable

app = typer.Typer(name="dead-letters", help="Show and resend messages that were given up.", no_args_is_help=True)
T = TypeVar("T")

UrlOption = Annotated[str, typer.Option(envvar="STACKWIRE_AMQP_URL", help="the broker's, as the services have it")]
QueueOption = Annotated[str, typer.Option(help="of dead letters [default: the URL's dead_letter, or dead_letters]")]
JsonOption = Annotated[bool, typer.Option("--json", help="as JSON")]


@app.command("list")
def list_letters(amqp_url: UrlOption, queue: QueueOption = "", as_json: JsonOption = False) -> None:
    """Show what was given up: where, why, and which message it is; never its arguments."""
    found = _run(amqp_url, queue, DeadLetters.every)
    if as_json:
        print(json.dumps([asdict(letter) for letter in found], indent=2, default=str))
        return
    for letter in found:
        print(_line(letter))
    if not found:
        print("there are no dead letters")


@app.command()
def resend(
    amqp_url: UrlOption,
    ids: Annotated[list[str] | None, typer.Argument(metavar="[ID]...", help="as 'list' shows them")] = None,
    name: Annotated[str, typer.Option(help="only this method or event type")] = "",
    every: Annotated[bool, typer.Option("--all", help="all that can be read, but calls that expired")] = False,
    queue: QueueOption = "",
) -> None:
    """Send dead letters to the queues they came from. Exit code 1 when one of them has no queue to go to."""
    if not (ids or name or every):
        _fail("name dead letters by ID or --name, or take --all")
    wanted = set(ids or ())

    def is_chosen(letter: DeadLetter) -> bool:
        if not letter.name or name not in ("", letter.name):
            return False
        # A call that expired has a caller that no longer waits: it is sent again only where somebody names it.
        return letter.id in wanted if wanted else letter.reason != "expired"

    sent, refused = _run(amqp_url, queue, lambda letters: letters.resend(is_chosen))
    _show(sent, refused)
    if missing := wanted - {letter.id for letter in (*sent, *refused)}:
        _fail(f"there is no dead letter {', '.join(sorted(missing))}")
    raise typer.Exit(1 if refused else 0)


def _show(sent: list[DeadLetter], refused: list[DeadLetter]) -> None:
    for letter in sent:
        print(f"resent  {_line(letter)}")
    for letter in refused:
        print(f"stays   {_line(letter)}: nobody has the queue {letter.queue or 'that it came from'}")
    if not sent and not refused:
        print("nothing to resend")


def _run(amqp_url: str, queue: str, work: Callable[[DeadLetters], Awaitable[T]]) -> T:
    async def run() -> T:
        async with dead_letters(amqp_url, queue) as letters:
            return await work(letters)

    logging.disable(logging.CRITICAL)  # what is wrong is said once, below
    try:
        return asyncio.run(run())
    except NoSuchQueue as error:
        _fail(f"the broker has no queue {error}: a policy of it names one, or the services' URL as dead_letter=NAME")
    except (BusUnavailable, ValueError) as error:
        _fail(str(error))


def _line(letter: DeadLetter) -> str:
    when = f"{letter.died_at:%Y-%m-%dT%H:%M:%S}" if letter.died_at else "-"
    words = (letter.id or "-", when, letter.reason or "-", letter.queue or "-", letter.name or "(cannot be read)")
    return " ".join((*words, letter.request_id, f"{letter.size} bytes")).replace("  ", " ")


def _fail(message: str) -> NoReturn:
    print(f"stackwire: {message}", file=sys.stderr)
    sys.exit(2)
