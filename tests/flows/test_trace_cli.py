"""``stackwire trace`` as a user runs it: on recordings, on a tracer, and where there is nothing to look at."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web

from stackwire.contracts.lineage import property_transfer
from stackwire.core.context import RequestContext
from stackwire.messaging.connect import connect
from stackwire.messaging.memory import MemoryBroker
from stackwire.messaging.notify import Notifier
from stackwire.messaging.transport import Address
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


async def test_a_story_is_printed_as_json() -> None:
    code, out, _ = await trace("story", STORY, "--json", *RECORDED)
    assert code == 0
    (story,) = json.loads(out)["stories"]
    assert story["arrows"][0]["answer_seconds"] > 0


@pytest.mark.parametrize(
    ("words", "code", "expected"),
    [
        (("story", "req-nobody", *RECORDED), 1, "no message of req-nobody"),
        (("lineage", "nothing", *RECORDED), 1, "no property transfer"),
        (("tail", "--file", "{folder}/missing.jsonl"), 2, "cannot read"),
        (("tail", "--data-dir", "{folder}"), 2, "no cloud runs"),
        (("story", "x", "--trace-url", "http://127.0.0.1:1"), 2, "does not respond"),
        (("tail", "--amqp-url", "amqp://guest:SECRET@127.0.0.1:1/"), 2, "message bus"),
        (("tail", "--amqp-url", "http://127.0.0.1"), 2, "amqp"),
        (("tail", "--amqp-url", "amqp://h/", "--trace-url", "http://h"), 2, "exclude each other"),
        (("tail", "--management-url", "http://h"), 2, "--amqp-url"),
        (("story", "x", "--trace-url", "h:8790"), 2, "http://host:port"),
        (("story", " ", *RECORDED), 2, "must not be empty"),
        (("why", "", "x", *RECORDED), 2, "must not be empty"),
    ],
)
async def test_an_error_is_one_line(tmp_path: Path, words: tuple[str, ...], code: int, expected: str) -> None:
    done, out, err = await trace(*(word.format(folder=tmp_path) for word in words))
    assert (done, out) == (code, "")
    assert expected in err
    assert "SECRET" not in err
    assert len(err.splitlines()) == 1


@pytest.fixture
async def data_dir(tmp_path: Path) -> AsyncIterator[Path]:
    """The data directory of a cloud whose tracer has received one property transfer."""
    broker = MemoryBroker()
    transport = await connect("memory", name="stackwire-volume", broker=broker)
    service = await build(TraceSettings(port=0), transport=transport)
    await service.start()
    (tmp_path / "cloud.json").write_text(json.dumps({"services": {"trace": service.url}}))
    event = property_transfer(
        "volume", "volume.capture", "image", "img-1", "volume", "vol-1", {"n": "x" * 300}, {"n": "x" * 255}
    )
    await Notifier(transport).send(event, RequestContext().redacted(), "m", "2026-01-01 00:00:00.000000")
    for number in range(50):
        request = {
            "oslo.version": "2.0",
            "oslo.message": json.dumps({"method": "list_revocations", "_unique_id": number}),
        }
        await transport.publish(Address("stackwire", "identity"), json.dumps(request).encode())
    yield tmp_path
    await service.stop()
    await transport.close()


async def test_the_running_cloud_of_a_data_directory_is_queried(data_dir: Path) -> None:
    code, out, err = await trace("lineage", "vol-1", "--data-dir", str(data_dir))
    assert (code, err) == (0, "")
    assert "truncated 300→255 bytes" in out
    assert "volume.capture" in out


async def test_past_messages_of_a_running_cloud_are_printed(data_dir: Path) -> None:
    code, out, _ = await trace("tail", "--no-follow", "--data-dir", str(data_dir))
    assert code == 0
    assert "volume.capture" in out


async def test_past_messages_are_found_behind_any_number_of_housekeeping(data_dir: Path) -> None:
    url = json.loads((data_dir / "cloud.json").read_text())["services"]["trace"]
    code, out, _ = await trace("tail", "--no-follow", "--last", "1", "--all", "--trace-url", url)
    assert (code, out.count("list_revocations")) == (0, 1)
    code, out, _ = await trace("tail", "--no-follow", "--last", "1", "--trace-url", url)
    assert code == 0
    assert "volume.capture" in out


async def test_another_server_at_the_address_is_not_a_tracer() -> None:
    async def answer(request: web.Request) -> web.Response:
        found = request.path == "/stories/page"
        return web.Response(status=200 if found else 404, text="<html>" if found else '{"error": {"message": "no"}}')

    app = web.Application()
    app.router.add_get("/{path:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    for wanted in ("page", "nothing"):
        code, out, err = await trace("story", wanted, "--trace-url", url)
        assert (code, out, err) == (2, "", f"stackwire: the server at {url} is not a tracer\n")
    await runner.cleanup()


async def test_a_cloud_without_a_tracer_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "cloud.json").write_text(json.dumps({"services": {}}))
    code, _, err = await trace("lineage", "x", "--data-dir", str(tmp_path))
    assert code == 2
    assert "without a tracer" in err


async def test_housekeeping_is_printed_with_all(tmp_path: Path) -> None:
    lines = [
        {"exchange": "stackwire", "routing_key": "identity", "at": 1.0, "message": {"method": method, "args": {}}}
        for method in ("list_revocations", "create_volume", "list_revocations")
    ]
    (tmp_path / "bus.jsonl").write_text("\n".join(map(json.dumps, lines)))
    shown = {}
    for more in ((), ("--all",)):
        code, out, err = await trace("tail", "--file", str(tmp_path / "bus.jsonl"), *more)
        assert (code, err) == (0, "")
        shown[more] = [name for line in out.splitlines() for name in line.split() if "_" in name]
    assert shown == {(): ["create_volume"], ("--all",): ["list_revocations", "create_volume", "list_revocations"]}


async def test_what_a_tracer_has_is_recorded_and_read_again(data_dir: Path, tmp_path: Path) -> None:
    recording = str(tmp_path / "cloud.jsonl")
    source = ("--data-dir", str(data_dir))
    code, out, err = await trace("record", recording, "--last", "1000", "--no-follow", *source)
    assert (code, out) == (0, "")
    assert f"51 messages in {recording}" in err
    for words in (("lineage", "vol-1", "--json"), ("stories", "--all", "--json")):
        live, again = [(await trace(*words, *place))[1] for place in (source, ("--file", recording))]
        known, read = json.loads(live), json.loads(again)
        assert [story["label"] for story in known.pop("stories", [])] == [
            story["label"] for story in read.pop("stories", [])
        ]
        assert known.get("properties") == read.get("properties")


async def test_a_recording_of_a_later_version_is_refused(tmp_path: Path) -> None:
    (tmp_path / "later.jsonl").write_text('{"recording": "stackwire", "version": 2}\n')
    code, out, err = await trace("tail", "--file", str(tmp_path / "later.jsonl"))
    assert (code, out) == (2, "")
    assert "version 2" in err


async def test_messages_and_stories_are_filtered(tmp_path: Path) -> None:
    code, out, _ = await trace("tail", "--event", "snapshot.create", *RECORDED)
    assert code == 0
    assert all("snapshot.create" in line for line in out.splitlines())
    code, out, _ = await trace("stories", "--service", "nova-compute", *RECORDED)
    assert code == 0
    assert STORY in out
    code, out, _ = await trace("stories", "--service", "nobody", *RECORDED)
    assert STORY not in out


@pytest.mark.parametrize("form", [("--json",), ()])
async def test_a_closed_pipe_is_no_error(form: tuple[str, ...]) -> None:
    code = "import sys; sys.path[:0] = " + repr(sys.path) + "; from stackwire.cloud.cli import main; main()"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", code, "trace", "story", STORY, *form, *RECORDED,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stderr is not None
    await process.stdout.read(100)
    process._transport.get_pipe_transport(1).close()  # type: ignore[attr-defined]  # asyncio's own, to close one pipe
    assert await process.stderr.read() == b""
    assert await process.wait() in (0, 1), "1 where the end of the output was cut off"


async def test_queries_are_answered_from_a_recording(tmp_path: Path) -> None:
    image, volume = "11111111-0000-4000-8000-000000000001", "22222222-0000-4000-8000-000000000002"
    event = property_transfer(
        "volume", "volume.capture", "image", image, "volume", volume, {"a": "1", "b": "2"}, {"a": "1"}
    )
    payload = {"event_type": event.event_type, "publisher_id": "volume", "payload": event.payload}
    recording = tmp_path / "bus.jsonl"
    recording.write_text(json.dumps({"exchange": "stackwire", "routing_key": "lineage.info", "message": payload}))
    place = ("--file", str(recording))
    answers = {
        ("why", "a", volume): "carried",
        ("why", "b", "2222"): "dropped",
        ("where", "a"): "on 2 resources",
        ("where", "b"): "on 1 resource ",
        ("where", "c"): "not on any resource",
        ("why", "c", volume): "nothing it came from had it",
        ("diff", image, volume): "only left",
    }
    for words, expected in answers.items():
        code, out, err = await trace(*words, *place)
        assert (code, err) == (0, "")
        assert expected in out, words
        code, out, _ = await trace(*words, "--json", *place)
        assert code == 0
        assert json.loads(out)
    for words in (("why", "a", "nothing"), ("diff", image, "nothing")):
        code, out, err = await trace(*words, *place)
        assert (code, out) == (1, "")
        assert "nothing" in err


@pytest.mark.parametrize(
    ("form", "begins"),
    [
        ("mermaid", "sequenceDiagram"),
        ("plantuml", "@startuml"),
        ("html", "<!doctype html>"),
        ("har", "{"),
        ("otlp", "{"),
        ("jsonl", "{"),
    ],
)
async def test_a_story_is_exported_in_every_format(tmp_path: Path, form: str, begins: str) -> None:
    code, out, err = await trace("export", STORY, "--form", form, *RECORDED)
    assert (code, err) == (0, "")
    assert out.startswith(begins)
    code, nothing, _ = await trace("export", STORY, "--form", form, "-o", str(tmp_path / "file"), *RECORDED)
    assert (code, nothing) == (0, "")
    assert (tmp_path / "file").read_text() == out


async def test_an_exported_story_is_a_recording(tmp_path: Path) -> None:
    file = tmp_path / "story.jsonl"
    assert await trace("export", STORY, "-F", "jsonl", "-o", str(file), *RECORDED) == (0, "", "")
    told = [json.loads((await trace("story", STORY, "--json", *place))[1]) for place in (RECORDED, ("-f", str(file)))]
    names = [[(one["name"], one["sender"], one["receiver"]) for one in each["stories"][0]["arrows"]] for each in told]
    assert names[0] == names[1]
    assert len(names[0]) > 1


async def test_what_cannot_be_exported_is_one_line(tmp_path: Path) -> None:
    for words, expected in (
        ((STORY, "--form", "pdf"), "form must be"),
        (("nothing",), "nothing"),
        ((STORY, "-o", str(tmp_path / "no" / "file")), "cannot write"),
    ):
        code, out, err = await trace("export", *words, *RECORDED)
        assert code in (1, 2)
        assert out == ""
        assert expected in err
        assert len(err.splitlines()) == 1
