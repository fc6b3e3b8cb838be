"""Messages become stories: by request id, across services, calls with their replies."""

from pathlib import Path
from typing import Any

import pytest

from stackwire.trace.backends.recording_file import RecordingError, read_recordings
from stackwire.trace.domain.decoder import Decoder
from stackwire.trace.domain.message import Message, WireMessage
from stackwire.trace.domain.message_store import MessageStore
from stackwire.trace.domain.story import Story
from stackwire.trace.domain.story_index import stories

DATA = Path(__file__).parents[2] / "data" / "trace"
OWN, GLOBAL = "req-00000000-0000-4000-8000-000000000001", "req-00000000-0000-4000-8000-000000000002"


class Bus:
    """Payloads one after another, a tenth of a second apart."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self._decoder = Decoder()
        self._time = 100.0

    def send(self, payload: dict[str, Any], exchange: str = "nova", key: str = "conductor", **more: Any) -> Message:
        self._time += more.pop("later", 0.1)
        step = more.pop("step", "publish")
        wire = WireMessage(step, exchange, key, ("q",), payload, self._time, **more)
        self.messages.append(self._decoder.decode(wire))
        return self.messages[-1]

    def stories(self) -> list[Story]:
        return stories(self.messages)


def request(method: str, unique: str = "u1", call: str | None = None, **context: str) -> dict[str, Any]:
    payload: dict[str, Any] = {"method": method, "args": {}, "_unique_id": unique}
    payload |= {f"_context_{name}": value for name, value in context.items()}
    return payload | ({"_msg_id": call, "_reply_q": "reply_1"} if call else {})


def reply(call: str, failure: str | None = None) -> dict[str, Any]:
    return {"result": None, "failure": failure, "ending": True, "_msg_id": call, "_unique_id": f"r{call}"}


@pytest.fixture
def bus() -> Bus:
    return Bus()


def test_a_call_and_its_reply_are_joined_and_timed(bus: Bus) -> None:
    bus.send(request("select_destinations", call="c1", request_id=OWN), key="scheduler")
    bus.send(reply("c1"), "", "reply_1", later=0.5)
    (story,) = bus.stories()
    call, answer = story.arrows
    assert call.state == "done"
    assert call.answer_seconds == pytest.approx(0.5)
    assert (answer.kind, answer.name) == ("reply", "select_destinations")
    assert (answer.sender, answer.receiver) == (call.receiver, call.sender) == ("nova-scheduler", "nova-conductor")


def test_a_call_without_a_reply_is_unanswered(bus: Bus) -> None:
    bus.send(request("select_destinations", call="c1", request_id=OWN), key="scheduler")
    assert bus.stories()[0].arrows[0].state == "unanswered"


def test_a_failed_call_has_the_class_of_its_failure(bus: Bus) -> None:
    bus.send(request("get_image", call="c1", request_id=OWN), "stackwire", "image")
    bus.send(reply("c1", '{"class": "ImageNotFound", "module": "glance.common.exception"}'), "", "reply_1")
    call = bus.stories()[0].arrows[0]
    assert (call.state, call.failure, call.receiver) == ("failed", "ImageNotFound", "glance-api")


def test_a_publish_and_its_delivery_are_one_arrow_with_the_time_in_the_queue(bus: Bus) -> None:
    bus.send(request("build_and_run_instance", request_id=OWN), key="compute.host-1")
    bus.send(request("build_and_run_instance", request_id=OWN), key="compute.host-1", step="deliver", later=0.2)
    (arrow,) = bus.stories()[0].arrows
    assert (arrow.deliveries, arrow.receiver) == (1, "nova-compute@host-1")
    assert arrow.queue_seconds == pytest.approx(0.2)


def test_requests_of_one_action_to_other_services_belong_to_its_story(bus: Bus) -> None:
    bus.send(request("schedule_and_build_instances", "u1", request_id=GLOBAL))
    bus.send(request("create_volume", "u2", request_id=OWN, global_request_id=GLOBAL), "cinder", "cinder-scheduler")
    bus.send(request("create_volume", "u3", request_id=OWN), "cinder", "cinder-volume.h@b.h")
    (story,) = bus.stories()
    assert story.id == GLOBAL
    assert [arrow.receiver for arrow in story.arrows] == ["nova-conductor", "cinder-scheduler", "cinder-volume@h@b"]


def test_an_event_without_a_request_joins_the_story_of_its_resource(bus: Bus) -> None:
    volume = {"event_type": "volume.create.start", "publisher_id": "volume.h", "_context_request_id": OWN}
    bus.send({**volume, "payload": {"volume_id": "v1", "image_id": "i1"}}, "cinder", "notifications.info")
    bus.send(
        request("copy_volume_to_image", request_id=OWN) | {"args": {"volume_id": "v1", "image_id": "i1"}}, "cinder"
    )
    image = {"event_type": "image.upload", "publisher_id": "image.localhost", "payload": {"id": "i1"}}
    bus.send(image, "glance", "notifications.info")
    (story,) = bus.stories()
    assert [arrow.inferred for arrow in story.arrows] == [False, False, True]


def test_a_request_without_a_receiver_is_dropped_a_notification_is_not(bus: Bus) -> None:
    bus.send(request("get_image", request_id=OWN), "stackwire", "image", step="drop")
    event = {"event_type": "properties.crossed", "publisher_id": "volume", "payload": {}, "_context_request_id": OWN}
    bus.send(event, "stackwire", "lineage.info", step="drop")
    assert [arrow.state for arrow in bus.stories()[0].arrows] == ["dropped", "unheard"]


@pytest.mark.parametrize(
    "payload",
    [{}, {"method": 1}, {"event_type": "x", "publisher_id": None, "payload": [1]}, {"_msg_id": "x", "result": 1}],
)
def test_messages_of_other_formats_are_kept(bus: Bus, payload: dict[str, Any]) -> None:
    assert bus.send(payload).number == 1


def test_a_body_that_cannot_be_decoded_is_kept_with_the_reason(bus: Bus) -> None:
    message = bus.send({}, problem="not JSON")
    assert (message.kind, message.failure) == ("other", "not JSON")


def test_a_recording_of_a_real_openstack_is_read_whole() -> None:
    store = MessageStore()
    count = read_recordings([DATA / "rpc.jsonl", DATA / "notifications.jsonl"], store)
    messages = store.messages()
    assert len(messages) == count
    assert not [message for message in messages if message.kind == "other"]
    (story,) = [found for found in store.stories() if found.arrows[0].name == "quiesce_instance"]
    assert {"nova-api", "cinder-scheduler", "cinder-volume@basehost@file"} <= set(story.participants)
    assert "cinder-volume" not in story.participants  # a worker has one lane, whoever names it
    assert store.story(story.id[:12]) == [story]


@pytest.mark.parametrize(
    "line", ["no json", "[]", '{"exchange": "nova"}', '{"exchange": "nova", "message": "text"}', '{"message": {}}']
)
def test_a_file_that_is_no_recording_is_refused_with_its_line(tmp_path: Path, line: str) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text(f"\n{line}\n")
    with pytest.raises(RecordingError, match=r"x\.jsonl:2"):
        read_recordings([path], MessageStore())


def test_the_tracers_own_messages_can_be_read_back(tmp_path: Path) -> None:
    import orjson

    first, second = MessageStore(), MessageStore()
    read_recordings([DATA / "rpc.jsonl"], first)
    path = tmp_path / "own.jsonl"
    path.write_bytes(b"\n".join(orjson.dumps(message.as_json()) for message in first.messages()))
    read_recordings([path], second)
    assert [(m.kind, m.name, m.receiver) for m in second.messages()] == [
        (m.kind, m.name, m.receiver) for m in first.messages()
    ]


def test_the_store_is_bounded_by_number_and_by_size() -> None:
    store = MessageStore(messages=10, size=1_000)
    for number in range(50):
        wire = WireMessage("publish", "nova", "conductor", (), request("m", f"u{number}"), float(number), size=40)
        store.add(lambda wire=wire: wire, 40)  # type: ignore[misc]  # mypy cannot type a bound default
    assert len(store.messages()) == 10
    store.add(lambda: WireMessage("publish", "nova", "conductor", (), request("m"), 60.0, size=900), 900)
    assert store.bounds()["bytes"] <= 1_000  # type: ignore[operator]  # a number


def served(path: str, began: float, seconds: float, caller: str = "curl", **context: str) -> dict[str, Any]:
    leg = {"service": "compute", "caller": caller, "method": "POST", "path": path, "status": 202}
    payload = {"event_type": "http.served", "publisher_id": "compute", "priority": "INFO", "_unique_id": path}
    payload |= {f"_context_{name}": value for name, value in context.items()}
    return payload | {"payload": {**leg, "started": began, "seconds": seconds}}


def test_an_http_request_is_where_it_began_though_its_event_comes_at_its_end(bus: Bus) -> None:
    bus.send(request("build", request_id=OWN))
    bus.send(served("/v2.1/servers", began=100.0, seconds=0.3, request_id=OWN), "stackwire", "http.info", step="drop")
    (story,) = bus.stories()
    first, second = story.arrows
    assert (first.kind, first.name, first.sender, first.receiver) == ("http", "POST /v2.1/servers", "curl", "nova-api")
    assert (first.answer_seconds, first.state) == (0.3, "done")
    assert second.name == "build"
    assert story.started == 100.0


def test_a_service_that_calls_another_over_http_is_a_participant(bus: Bus) -> None:
    image = "0a1b2c3d-0000-4000-8000-00000000000f"
    bus.send(served(f"/v2/images/{image}/file", 100.0, 0.1, caller="volume", request_id=OWN), "stackwire", "http.info")
    (arrow,) = bus.stories()[0].arrows
    assert arrow.sender == "cinder-api"
    assert [tuple(resource) for resource in arrow.resources] == [("image", image)]


def test_requests_of_one_w3c_trace_are_one_story(bus: Bus) -> None:
    parent = "00-" + "a" * 32 + "-" + "b" * 16 + "-01"
    bus.send(request("first", request_id=OWN, traceparent=parent))
    bus.send(request("second", "u2", request_id=GLOBAL, traceparent=parent))
    bus.send(request("third", "u3", request_id=GLOBAL))
    (story,) = bus.stories()
    assert [arrow.name for arrow in story.arrows] == ["first", "second", "third"]
    assert story.request_ids == (OWN, GLOBAL)


def test_an_event_without_a_request_id_joins_the_one_request_in_progress(bus: Bus) -> None:
    event = {"event_type": "image.create", "publisher_id": "image.h", "payload": {"id": "img-1"}, "_unique_id": "e"}
    bus.send(event, "glance", "notifications.info", later=1.0)
    leg = served("/v2/images", began=100.9, seconds=0.2, request_id=OWN)
    leg["payload"]["service"] = "image"
    bus.send(leg, "stackwire", "http.info", later=0.2)
    (story,) = bus.stories()
    assert [(arrow.name, arrow.inferred) for arrow in story.arrows] == [
        ("POST /v2/images", False),
        ("image.create", True),
    ]


def test_an_event_that_two_requests_may_have_caused_joins_neither(bus: Bus) -> None:
    event = {"event_type": "image.create", "publisher_id": "image.h", "payload": {"id": "img-1"}, "_unique_id": "e"}
    bus.send(event, "glance", "notifications.info", later=1.0)
    for ident in (OWN, GLOBAL):
        leg = served("/v2/images", began=100.9, seconds=0.2, request_id=ident)
        leg["payload"]["service"] = "image"
        bus.send({**leg, "_unique_id": ident}, "stackwire", "http.info")
    assert len(bus.stories()) == 3


def test_an_event_whose_headers_name_its_request_is_in_its_story_and_no_other(bus: Bus) -> None:
    event = {"event_type": "image.create", "publisher_id": "image.h", "payload": {"id": "img-1"}, "_unique_id": "e"}
    bus.send(event, "glance", "notifications.info", headers={"request_id": GLOBAL})
    for ident in (OWN, GLOBAL):
        leg = served("/v2/images", began=100.0, seconds=0.5, request_id=ident)
        leg["payload"]["service"] = "image"
        bus.send({**leg, "_unique_id": ident}, "stackwire", "http.info")
    (own, other) = sorted(bus.stories(), key=lambda story: story.id)
    assert ([arrow.name for arrow in own.arrows], own.id) == (["POST /v2/images"], OWN)
    assert [(arrow.name, arrow.inferred) for arrow in other.arrows] == [
        ("POST /v2/images", False),
        ("image.create", False),
    ]


def test_a_download_is_what_sends_an_image_not_the_change_beside_it(bus: Bus) -> None:
    image = "11111111-1111-4111-8111-111111111111"
    sent = {"event_type": "image.send", "publisher_id": "image.h", "payload": {"id": image}, "_unique_id": "e"}
    bus.send(sent, "glance", "notifications.info", later=1.0)
    for ident, method, path in ((OWN, "GET", f"/v2/images/{image}/file"), (GLOBAL, "PATCH", f"/v2/images/{image}")):
        leg = served(path, began=100.9, seconds=0.3, request_id=ident)
        leg["payload"] |= {"service": "image", "method": method}
        bus.send({**leg, "_unique_id": ident}, "stackwire", "http.info")
    (download, change) = sorted(bus.stories(), key=lambda story: story.id)
    assert [arrow.name for arrow in download.arrows] == [f"GET /v2/images/{image}/file", "image.send"]
    assert len(change.arrows) == 1


class TestSenders:
    """One process has all parts of a service, with one place at the bus and one reply queue."""

    @staticmethod
    def send(bus: Bus, *arguments: Any, publisher: str = "stackwire-compute", **more: Any) -> Message:
        return bus.send(*arguments, publisher=publisher, **more)

    def test_the_sender_of_a_call_is_the_part_of_the_service_that_has_the_request(self, bus: Bus) -> None:
        image = ("stackwire", "image")
        first = self.send(bus, request("get_image", "u1", "c1", request_id=OWN), *image)
        self.send(bus, request("schedule_and_build_instances", "u2", request_id=OWN))
        self.send(bus, request("select_destinations", "u3", "c2", request_id=OWN), "nova", "scheduler")
        self.send(bus, request("build_and_run_instance", "u4", request_id=OWN), "nova", "compute.host-1")
        last = self.send(bus, request("make_volume", "u5", "c3", request_id=OWN), "stackwire", "volume")
        within = self.send(
            bus, request("get_image", "u6", "c4", global_request_id=OWN), *image, publisher="stackwire-volume"
        )
        assert [first.sender, last.sender, within.sender] == ["nova-api", "nova-compute@host-1", "cinder-api"]
        assert bus.send(reply("c3"), "", "reply_1").receiver == "nova-compute@host-1"

    def test_a_participant_that_replied_has_the_request_no_more(self, bus: Bus) -> None:
        worker = request("create_volume", "u1", request_id=OWN)
        self.send(bus, worker, "cinder", "cinder-volume.h@b.h", publisher="stackwire-volume")
        self.send(bus, request("make_volume", "u2", "c1", request_id=OWN), "stackwire", "volume")
        bus.send(reply("c1"), "", "reply_1")
        call = request("get_image", "u3", "c2", request_id=OWN)
        assert self.send(bus, call, "stackwire", "image", publisher="stackwire-volume").sender == "cinder-volume@h@b"

    def test_a_receiver_of_a_read_does_not_get_the_request(self, bus: Bus) -> None:
        worker = request("create_volume", "u1", request_id=OWN)
        self.send(bus, worker, "cinder", "cinder-volume.h@b.h", publisher="stackwire-volume")
        self.send(bus, request("get_volume", "u2", "c1", request_id=OWN), "stackwire", "volume")
        call = request("get_image", "u3", "c2", request_id=OWN)
        assert self.send(bus, call, "stackwire", "image", publisher="stackwire-volume").sender == "cinder-volume@h@b"

    def test_a_worker_sends_and_receives_as_one_participant(self, bus: Bus) -> None:
        self.send(bus, request("build_and_run_instance", "u1", request_id=OWN), "nova", "compute.host-1")
        self.send(bus, request("create_volume", "u2", request_id=OWN), "cinder", "cinder-volume.h@b.h")
        lanes = [
            self.send(bus, {"event_type": "x.y", "publisher_id": publisher, "payload": {}}, "nova", "n").sender
            for publisher in ("compute.host-1", "nova-compute:host-1", "volume.h@b#pool")
        ]
        assert lanes == ["nova-compute@host-1", "nova-compute@host-1", "cinder-volume@h@b"]

    def test_a_notification_of_the_api_in_a_workers_name_is_the_apis(self, bus: Bus) -> None:
        payload = {"event_type": "compute.instance.update", "publisher_id": "compute.api-host", "payload": {}}
        assert self.send(bus, payload, "nova", "notifications.info").sender == "nova-api"
        assert bus.send(payload, "nova", "notifications.info").sender == "nova-compute"  # who else, on another's bus

    def test_an_http_request_was_sent_by_the_participant_that_had_the_request_then(self, bus: Bus) -> None:
        self.send(bus, request("schedule_and_build_instances", "u1", request_id=OWN), later=5)
        self.send(bus, request("build_and_run_instance", "u2", request_id=OWN), "nova", "compute.host-1", later=5)
        senders = [
            bus.send(served(f"/v2/images/{at}", at, 0.1, caller="compute", request_id=OWN), "stackwire", "i").sender
            for at in (100.0, 106.0, 111.0)
        ]
        assert senders == ["nova-api", "nova-conductor", "nova-compute@host-1"]


def test_the_event_of_a_resource_that_a_call_created_is_in_its_story(bus: Bus) -> None:
    call = request("create_image", call="c1", request_id=OWN) | {"args": {"instance_uuid": "s1"}}
    bus.send(call, "stackwire", "image")
    bus.send(reply("c1"), "", "reply_1", later=0.01)
    created = {"event_type": "image.create", "publisher_id": "image.host", "payload": {"id": "i1"}}
    bus.send(created, "glance", "notifications.info", later=0.02)
    (story,) = bus.stories()
    assert [arrow.name for arrow in story.arrows] == ["create_image", "create_image", "image.create"]


@pytest.mark.parametrize("made_up", ["00-" + "z" * 32 + "-" + "b" * 16 + "-01", "00-" + "0" * 32 + "-b-01", "x"])
def test_a_malformed_traceparent_has_no_trace_id(bus: Bus, made_up: str) -> None:
    assert bus.send(request("first", request_id=OWN, traceparent=made_up)).trace_id is None
