"""A story in the forms of other tools."""

import json
import re
from urllib.parse import urlsplit

import pytest

from stackwire.trace.domain.export import EXPORT_FORMATS, mermaid, plantuml
from stackwire.trace.domain.har import har
from stackwire.trace.domain.otlp import otlp
from stackwire.trace.domain.story import Story
from unit.trace.test_story import OWN, Bus, reply, request, served


@pytest.fixture
def story() -> Story:
    bus = Bus()
    bus.send(request("select_destinations", call="c1", request_id=OWN), key="scheduler")
    bus.send(reply("c1", failure='{"class": "NoValidHost"}'), "", "reply_1", later=0.5)
    bus.send(request("lost; #<cast>", "u2", request_id=OWN), key="conductor", step="drop")
    bus.send(served("/v2.1/servers", began=99.0, seconds=0.3, request_id=OWN), "stackwire", "http.info")
    (story,) = bus.stories()
    return story


def test_mermaid_has_every_participant_and_a_line_for_every_arrow(story: Story) -> None:
    lines = mermaid(story).splitlines()
    assert lines[0] == "sequenceDiagram"
    lanes = [line.split(" as ")[1] for line in lines if "participant" in line]
    assert lanes[: len(story.participants)] == list(story.participants)
    arrows = [line for line in lines if re.match(r" {4}L\d+(->>|-->>|-\)|-x)L\d+: .", line)]
    assert len(arrows) == len(story.arrows)
    assert not re.search("[#;<]", "".join(line.partition(": ")[2] for line in arrows))


def test_plantuml_shows_failures_in_red(story: Story) -> None:
    text = plantuml(story)
    assert text.startswith("@startuml")
    assert text.endswith("@enduml\n")
    assert text.count("[#red]") == 2


def test_har_has_entries_for_http_requests_and_for_messages(story: Story) -> None:
    first, call, *_ = har(story)["log"]["entries"]
    assert (first["request"]["method"], first["request"]["url"], first["time"]) == (
        "POST",
        "http://nova-api/v2.1/servers",
        300.0,
    )
    assert first["response"]["status"] == 202
    assert (call["_amqp"]["name"], call["time"]) == ("select_destinations", pytest.approx(500.0))


def test_otlp_is_one_trace_with_a_root(story: Story) -> None:
    spans = [span for lane in otlp(story)["resourceSpans"] for scope in lane["scopeSpans"] for span in scope["spans"]]
    assert len({span["traceId"] for span in spans}) == 1
    assert all(re.fullmatch("[0-9a-f]{16}", span["spanId"]) for span in spans)
    roots = [span for span in spans if "parentSpanId" not in span]
    assert [root["name"] for root in roots] == ["POST /v2.1/servers"]
    assert len(spans) == 3, "a reply is the end of its call"
    (call,) = [span for span in spans if span["name"] == "select_destinations"]
    assert call["status"] == {"code": 2, "message": "NoValidHost"}


def test_har_is_complete_for_tools_that_read_http_archives(story: Story) -> None:
    """Every field that HAR 1.2 requires, of the bus's messages as well."""
    for entry in har(story)["log"]["entries"]:
        assert {"startedDateTime", "time", "request", "response", "cache", "timings"} <= entry.keys()
        request, response = entry["request"], entry["response"]
        both = {"httpVersion", "cookies", "headers", "headersSize", "bodySize"}
        assert both | {"method", "url", "queryString"} <= request.keys()
        assert both | {"status", "statusText", "content", "redirectURL"} <= response.keys()
        assert urlsplit(request["url"]).netloc
        assert isinstance(response["status"], int)
        assert {"size", "mimeType"} <= response["content"].keys()
        assert sum(entry["timings"].values()) == entry["time"]


def test_otlp_groups_spans_by_sender_with_opentelemetrys_names(story: Story) -> None:
    by_service = {
        lane["resource"]["attributes"][0]["value"]["stringValue"]: lane["scopeSpans"][0]["spans"]
        for lane in otlp(story)["resourceSpans"]
    }
    facts = {
        span["name"]: {one["key"]: next(iter(one["value"].values())) for one in span["attributes"]}
        for spans in by_service.values()
        for span in spans
    }
    assert by_service["curl"][0]["kind"] == 3, "of the client, the request is a client's"
    assert facts["POST /v2.1/servers"]["http.response.status_code"] == "202"
    call = facts["select_destinations"]
    assert call["openstack.request_id"] == OWN
    assert (call["messaging.destination.name"], call["messaging.rabbitmq.destination.routing_key"]) == (
        "nova", "scheduler",
    )  # fmt: skip
    assert call["messaging.message.conversation_id"] == "c1"
    assert facts["lost; #<cast>"]["error.type"] == "dropped"


@pytest.mark.parametrize("form", EXPORT_FORMATS)
def test_every_format_has_a_document(story: Story, form: str) -> None:
    kind, ending, make = EXPORT_FORMATS[form]
    text = make(story)
    assert text.endswith("\n")
    if kind == "application/json":
        json.loads(text)
    if ending == "jsonl":
        assert len([json.loads(line) for line in text.splitlines()]) == len(story.arrows)
