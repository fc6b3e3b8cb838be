"""What a reader calls a message: names and actions, not ids and paths."""

import pytest

from stackwire.trace.domain.decoder import Decoder
from stackwire.trace.domain.folding import fold
from stackwire.trace.domain.generations import generations
from stackwire.trace.domain.lineage import Lineage
from stackwire.trace.domain.message import WireMessage
from stackwire.trace.domain.resource_names import ResourceNames
from stackwire.trace.domain.resources import Resource
from stackwire.trace.domain.story_assembly import arrows
from stackwire.trace.domain.wording import message_label, request_label

SERVER, IMAGE = "1a2b3c4d-0000-4000-8000-000000000001", "1a2b3c4d-0000-4000-8000-000000000002"
PROJECT = "f" * 32


@pytest.fixture
def names() -> ResourceNames:
    known = ResourceNames()
    known.restore({"web": Resource("server", SERVER), "disk": Resource("image", IMAGE)})
    return known


@pytest.mark.parametrize(
    ("name", "action", "label"),
    [
        ("POST /v3/auth/tokens", None, "log in"),
        ("POST /v2.1/servers", None, "create server web"),
        (f"POST /v3/{PROJECT}/volumes", None, "create volume"),
        (f"DELETE /v2.1/servers/{SERVER}", None, "delete server web"),
        (f"POST /v2.1/servers/{SERVER}/action", "rebuild", "rebuild server web"),
        (f"POST /v3/{PROJECT}/volumes/{PROJECT}/action", "os-reset_status", "os-reset_status volume ffffffff"),
        (f"POST /v2.1/servers/{SERVER}/action", None, "action on server web"),
        (f"PUT /v2/images/{IMAGE}/file", None, "upload image disk"),
        (f"GET /v2/images/{IMAGE}/file", None, "download image disk"),
        (f"POST /v2/images/{IMAGE}/actions/deactivate", None, "deactivate image disk"),
        ("GET /v2.1/servers/detail", None, "list servers"),
        (f"GET /v2.1/servers/{SERVER}/os-interface", None, "list interface of server web"),
        ("GET /", None, "show versions"),
    ],
)
def test_a_request_is_a_verb_and_a_name(names: ResourceNames, name: str, action: str | None, label: str) -> None:
    assert request_label(name, action, [Resource("server", SERVER)], names) == label


def test_a_notification_is_named_after_what_it_is_about() -> None:
    event = {"event_type": "volume.create.start", "publisher_id": "volume.h", "payload": {"volume_id": SERVER}}
    named = {**event, "payload": {"volume_id": SERVER, "display_name": "root"}}
    names, decoder = ResourceNames(), Decoder()
    message = decoder.decode(WireMessage("publish", "cinder", "notifications.info", (), named, 1.0))
    names.learn(message)
    assert message_label(message, (), names) == "volume.create.start volume root"


def test_the_start_and_the_end_of_an_operation_are_one_pair() -> None:
    decoder = Decoder()
    told = [
        ("volume.create.start", "a"), ("volume.create.start", "b"), ("volume.create.end", "a"),
        ("volume.delete.end", "a"), ("volume.create.error", "b"),
    ]  # fmt: skip
    found = arrows(
        (decoder.decode(WireMessage("publish", "cinder", "n", (), _event(kind, volume), float(at))), False)
        for at, (kind, volume) in enumerate(told)
    )
    fold(found)
    assert [(arrow.end_number, arrow.end_seconds, arrow.start_number) for arrow in found] == [
        (3, 2.0, None), (None, None, None), (None, None, 1), (None, None, None), (None, None, None),
    ]  # fmt: skip


def _event(kind: str, volume: str) -> dict[str, object]:
    payload = {"volume_id": volume}
    return {"event_type": kind, "publisher_id": "volume.h", "payload": payload, "_unique_id": f"{kind}{volume}"}


def test_what_properties_went_through_is_counted_from_the_user_on() -> None:
    lineage, decoder = Lineage(), Decoder()
    way = [("client", "u", "image", "i"), ("image", "i", "server", "s"), ("server", "s", "image", "snap"),
           ("image", "snap", "server", "s")]  # fmt: skip
    for at, (kind, origin, to_kind, target) in enumerate(way):
        payload = {
            "from_kind": kind, "from_id": origin, "to_kind": to_kind, "to_id": target, "rule": "r",
            "before": {"team": "a"}, "after": {"team": "a"},
        }  # fmt: skip
        event = {"event_type": "properties.crossed", "publisher_id": "x", "payload": payload, "_unique_id": str(at)}
        lineage.record(decoder.decode(WireMessage("publish", "stackwire", "lineage.info", (), event, float(at))))
    server = Resource("server", "s")
    assert generations(server, lineage.properties_of(server)) == {
        Resource("client", "u"): 0, Resource("image", "i"): 1, server: 2, Resource("image", "snap"): 3,
    }  # fmt: skip
