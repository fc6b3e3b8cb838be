"""How many frames a second the tracer's page draws while somebody scrolls through ``BENCH_MESSAGES`` messages.

A real Chromium, headless, counts its own animation frames: in the list of messages and in the diagram of one story that
has them all. Sixty is what a display shows. On a busy machine frames are late whatever the page does: the processor
time of the page's thread for each says what it would do alone, where less than 16.7 ms are 60 frames.
"""

import asyncio
import os
import shutil
import sys
from pathlib import Path

import orjson
from playwright.async_api import CDPSession, Page, async_playwright

sys.path.insert(0, str(Path(__file__).parents[1]))

from stackwire.messaging.connect import connect
from stackwire.messaging.memory import MemoryBroker
from stackwire.runtime.main import run
from stackwire.trace.app import build
from stackwire.trace.domain.message import WireMessage
from stackwire.trace.settings import TraceSettings

MESSAGES = int(os.environ.get("BENCH_MESSAGES", "50000"))
SECONDS = 5
ARGUMENTS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip
COUNT = """async ([place, seconds]) => {
    const view = document.querySelector(place), step = view.scrollHeight / (seconds * 60);
    view.scrollTop = 0;
    let frames = 0, longest = 0, last = performance.now();
    const end = last + seconds * 1000;
    while (last < end) {
        view.scrollTop += step;
        await new Promise((done) => requestAnimationFrame(done));
        const now = performance.now();
        longest = Math.max(longest, now - last);
        last = now; frames += 1;
    }
    return [frames / seconds, longest, document.querySelectorAll(`${place} *`).length];
}"""
REQUEST = "req-00000000-0000-4000-8000-000000000001"


def wire_message(number: int) -> WireMessage:
    payload = {
        "event_type": f"compute.instance.step{number}", "publisher_id": f"compute.host-{number % 5}",
        "payload": {"instance_id": f"server-{number % 100}", "display_name": f"server {number % 100}"},
        "_unique_id": str(number), "_context_request_id": REQUEST,
    }  # fmt: skip
    size = len(orjson.dumps(payload))
    return WireMessage("publish", "nova", "notifications.info", (), payload, 1_000.0 + number / 100, size=size)


async def frames(page: Page, url: str, place: str, row: str) -> None:
    await page.goto(url)
    await page.locator(row).first.wait_for(timeout=120_000)
    session = await page.context.new_cdp_session(page)
    await session.send("Performance.enable", {"timeDomain": "threadTicks"})
    before, drawing = await work(session, "TaskDuration"), await work(session, "ScriptDuration")
    rate, longest, elements = await page.evaluate(COUNT, [place, SECONDS])
    each = (await work(session, "TaskDuration") - before) * 1000 / (rate * SECONDS)
    script = (await work(session, "ScriptDuration") - drawing) * 1000 / (rate * SECONDS)
    print(
        f"  {place:10} {rate:5.1f} frames/s   longest {longest:5.1f} ms   of processor {each:4.1f} ms a frame,"
        f" {script:4.1f} of them scripts"
        f"   {elements} elements",
        flush=True,
    )


async def work(session: CDPSession, kind: str) -> float:
    """Seconds of processor time that the page's thread has used, for all or for its scripts."""
    metrics = (await session.send("Performance.getMetrics"))["metrics"]
    return float(next(each["value"] for each in metrics if each["name"] == kind))


async def measure() -> None:
    transport = await connect("memory", name="trace", broker=MemoryBroker())
    tracer = await build(TraceSettings(port=0, keep_messages=MESSAGES, keep_bytes=2**32), transport=transport)
    await tracer.start()
    for number in range(MESSAGES):
        tracer.store.add(lambda number=number: wire_message(number), 300)  # type: ignore[misc]  # a bound default
        if number % 1000 == 0:
            await asyncio.sleep(0)
    program = shutil.which("chromium") or shutil.which("google-chrome")
    async with async_playwright() as play:
        browser = await play.chromium.launch(executable_path=program, args=list(ARGUMENTS))
        page = await browser.new_page(viewport={"width": 1440, "height": 900})
        print(f"{MESSAGES} messages, load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores", flush=True)
        await frames(page, f"{tracer.url}/#/messages", ".scroll", ".message")
        await frames(page, f"{tracer.url}/#/story/{REQUEST}", ".diagram", "svg .row")
        await browser.close()
    await tracer.stop()


if __name__ == "__main__":
    run(measure)
