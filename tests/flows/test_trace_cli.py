"""``stackwire trace`` as a user runs it: on recordings, on a tracer, and where there is nothing to look at."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from stackwire.contracts.lineage import crossing
from stackwire.core.context import RequestContext
from stackwire.messaging.memory import MemoryBroker
from stackwire.messaging.notify import Notifier
from stackwire.messaging.transport import connect
from stackwire.trace.app import build
from stackwire.trace.settings import TraceSettings

DATA = Path(__file__).parents[1] / "data" / "trace"
RECORDED = ("--file", str(DATA / "rpc.jsonl"), "--file", str(DATA / "notifications.jsonl"))
STORY = "req-509131e6-af3b-4c82-9384-a11b6b8e5601"


async def trace(*words: str) -> tuple[int, str, str]:
    """The exit code, the output and the errors of the command."""
    code = "import sys; sys.path[:0] = " + repr(sys.path) + "; from stackwire.cloud.cli import main; main()"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", code, "trace", *words, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, err = await asyncio.wait_for(process.communicate(), 60)
    return process.returncode or 0, out.decode(), err.decode()


async def test_the_messages_of_a_recording_are_lines() -> None:
    code, out, err = await trace("tail", *RECORDED)
    assert (code, err) == (0, "")
    assert "nova-api -> nova-compute@basehost" in out
    assert "snapshot.create.end" in out
    assert "\x1b[" not in out


async def test_the_messages_of_a_recording_are_json_lines() -> None:
    code, out, _ = await trace("tail", "--json", *RECORDED)
    assert code == 0
    assert [json.loads(line)["number"] for line in out.splitlines()] == list(range(1, len(out.splitlines()) + 1))


@pytest.mark.parametrize("wanted", [STORY, STORY[:12], "509131e6", "cddf1bc5-e4cb-4312-8c91-ded400d19682"])
async def test_a_story_of_a_recording_is_found_by_request_or_resource(wanted: str) -> None:
    code, out, _ = await trace("story", wanted, *RECORDED)
    assert code == 0
    assert STORY in out
    assert "quiesce_instance" in out


async def test_a_story_is_told_as_json() -> None:
    code, out, _ = await trace("story", STORY, "--json", *RECORDED)
    assert code == 0
    (told,) = json.loads(out)["stories"]
    assert told["arrows"][0]["answer_seconds"] > 0


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("story", "req-nobody", *RECORDED), 1, "No message of req-nobody"),
        (("lineage", "nothing", *RECORDED), 1, "No property"),
        (("tail", "--file", "{folder}/missing.jsonl"), 2, "cannot read"),
        (("tail", "--data-dir", "{folder}"), 2, "no cloud runs"),
        (("story", "x", "--trace-url", "http://127.0.0.1:1"), 2, "does not answer"),
        (("tail", "--amqp-url", "amqp://guest:SECRET@127.0.0.1:1/"), 2, "message bus"),
        (("tail", "--amqp-url", "http://127.0.0.1"), 2, "amqp"),
        (("tail", "--amqp-url", "amqp://h/", "--trace-url", "http://h"), 2, "exclude each other"),
    ],
)
async def test_what_cannot_be_seen_is_one_line(tmp_path: Path, words: tuple[str, ...], code: int, says: str) -> None:
    done, out, err = await trace(*(word.format(folder=tmp_path) for word in words))
    assert (done, out) == (code, "")
    assert says in err
    assert "SECRET" not in err
    assert len(err.splitlines()) == 1


@pytest.fixture
async def data_dir(tmp_path: Path) -> AsyncIterator[Path]:
    """The folder of a cloud whose tracer has seen one property cross."""
    broker = MemoryBroker()
    transport = await connect("memory", name="stackwire-volume", broker=broker)
    service = await build(TraceSettings(port=0), transport=transport)
    await service.start()
    (tmp_path / "cloud.json").write_text(json.dumps({"services": {"trace": service.url}}))
    event = crossing(
        "volume", "volume.capture", "image", "img-1", "volume", "vol-1", {"n": "x" * 300}, {"n": "x" * 255}
    )
    await Notifier(transport).send(event, RequestContext().redacted(), "m", "2026-01-01 00:00:00.000000")
    yield tmp_path
    await service.stop()
    await transport.close()


async def test_the_running_cloud_of_a_data_directory_is_asked(data_dir: Path) -> None:
    code, out, err = await trace("lineage", "vol-1", "--data-dir", str(data_dir))
    assert (code, err) == (0, "")
    assert "truncated 300→255 bytes" in out
    assert "volume.capture" in out


async def test_the_past_messages_of_a_running_cloud_are_shown(data_dir: Path) -> None:
    code, out, _ = await trace("tail", "--no-follow", "--data-dir", str(data_dir))
    assert code == 0
    assert "volume.capture" in out


async def test_a_cloud_without_a_tracer_says_so(tmp_path: Path) -> None:
    (tmp_path / "cloud.json").write_text(json.dumps({"services": {}}))
    code, _, err = await trace("lineage", "x", "--data-dir", str(tmp_path))
    assert code == 2
    assert "without a tracer" in err
