from support.golden import Allowance, Names, differences, event_differences

VOLUME = "0a0b0c0d-0000-4000-8000-000000000001"


def test_a_name_is_bound_where_it_is_first_met_and_holds_from_then_on():
    names = Names()
    names.learn({"volume": {"id": "<vol>", "at": "<time>"}}, {"volume": {"id": VOLUME, "at": "2026-11-21T00:00:00"}})
    assert names.fill("/volumes/<vol>") == f"/volumes/{VOLUME}"
    assert names.normal({"href": f"http://127.0.0.1:8776/v3/volumes/{VOLUME}"}) == {
        "href": "<endpoint>/v3/volumes/<vol>"
    }


def test_what_belongs_to_a_deployment_is_not_compared():
    names = Names()
    assert names.normal({"host": "a@b", "node": None, "id": 7, "at": "2026-11-21T01:02:03.5Z"}) == {
        "host": "<host>",
        "node": None,
        "id": "<int>",
        "at": "<time>",
    }


def test_every_difference_is_reported_with_its_path():
    recorded = {"a": 1, "b": [1, 2], "c": {"d": "x"}}
    ours = {"a": "1", "b": [1], "c": {"d": "x", "e": None}}
    assert list(differences("body", recorded, ours)) == [
        'body.a: recorded 1, ours "1"',
        "body.b: 2 items recorded, ours 1",
        "body.c.e: not in the recording, ours null",
    ]


def test_events_are_compared_in_order_per_resource_only():
    def event(kind: str, volume: str) -> dict[str, object]:
        return {"event_type": kind, "routing_key": "notifications.info", "payload": {"volume_id": volume}}

    one, two = event("volume.create.start", "a"), event("volume.create.start", "b")
    assert not list(event_differences([one, two], [two, one]))
    assert list(event_differences([one, event("volume.create.end", "a")], [event("volume.create.end", "a"), one]))


def test_an_allowance_covers_what_its_pattern_says():
    allowed = Allowance("server_*", "rest[[]*].response.image: *", "because")
    assert allowed.covers("server_from_image", 'rest[0].response.image: recorded "", ours null')
    assert not allowed.covers("image_update", "rest[0].response.image: x")
