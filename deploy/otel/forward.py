"""Sends each request's story from the tracer to an OpenTelemetry collector, a while after its last message.

forward.py TRACER-URL COLLECTOR-URL

A story that has grown since is sent again under the same trace id. What the tracer has forgotten is not sent.
"""

import json
import sys
import time
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

COMPLETE_SECONDS = 3.0  # without a new message
POLL_SECONDS = 2.0
KEPT = 10_000  # stories whose number of messages is remembered
ALIVE = Path("/tmp/alive")  # noqa: S108  # a container's own


def fetch(url: str) -> Any:
    with urlopen(url, timeout=30) as answer:  # noqa: S310  # the operator's own URL
        return json.load(answer)


def forward(tracer: str, collector: str, sent: dict[str, int]) -> int:
    """One round; returns how many stories were sent."""
    count = 0
    now = time.time()
    for story in fetch(f"{tracer}/stories?limit=500")["stories"]:
        key, messages = story["id"], story["messages"]
        if sent.get(key) == messages or story["started_at"] + story["seconds"] + COMPLETE_SECONDS > now:
            continue
        with urlopen(f"{tracer}/stories/{key}/export?form=otlp", timeout=30) as answer:  # noqa: S310  # likewise
            document = answer.read()
        request = Request(f"{collector}/v1/traces", document, {"Content-Type": "application/json"})  # noqa: S310  # so
        with urlopen(request, timeout=10):  # noqa: S310  # likewise
            sent.pop(key, None)
            sent[key] = messages
            count += 1
    while len(sent) > KEPT:
        del sent[next(iter(sent))]
    return count


def main(tracer: str, collector: str) -> None:
    sent: dict[str, int] = {}
    while True:
        try:
            forward(tracer, collector, sent)
            ALIVE.touch()
        except (OSError, ValueError) as error:
            print(f"forward: {error}", file=sys.stderr, flush=True)
        time.sleep(POLL_SECONDS)


if __name__ == "__main__":
    main(*sys.argv[1:3])
