"""What each service tells Prometheus: what was done, what waits, in which state things are."""

import json
import re
from pathlib import Path

import pytest
import yaml

from stackwire.core.metrics import REGISTRY
from support.builders.images import an_image
from support.builders.servers import a_server
from support.cloud import ACloud, TestCloud

Series = dict[tuple[str, frozenset[tuple[str, str]]], float]
_LINE = re.compile(r"(\w+)(?:\{(.*)\})? (\S+)$")
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


async def scraped(cloud: TestCloud, service: str) -> Series:
    http = await cloud.http()
    text = (await http.get(service, "/metrics")).ok(200).body.decode()
    found: Series = {}
    for line in text.splitlines():
        if not line.startswith("#"):
            name, labels, value = _LINE.match(line).groups()  # type: ignore[union-attr]  # None fails the test
            found[name, frozenset(_LABEL.findall(labels or ""))] = float(value)
    return found


def value(series: Series, name: str, **labels: str) -> float:
    """The sum of what has these labels."""
    return sum(
        number for (found, has), number in series.items() if found == name and labels.items() <= dict(has).items()
    )


@pytest.fixture
async def used(a_cloud: ACloud) -> TestCloud:
    """A cloud in which a server was built, and something asked that is not there."""
    cloud = await a_cloud()
    http = await cloud.http()
    await a_server(cloud, http, imageRef=await an_image(http))
    await http.get("compute", "/v2.1/nothing/here")
    await cloud.settle()
    return cloud


async def test_the_services_of_one_process_each_tell_of_themselves(used: TestCloud):
    compute, image = await scraped(used, "compute"), await scraped(used, "image")
    assert {dict(labels)["service"] for _, labels in compute if "service" in dict(labels)} == {"compute"}
    assert {dict(labels)["service"] for _, labels in image if "service" in dict(labels)} == {"image"}
    assert value(compute, "process_resident_memory_bytes") > 2**20


async def test_requests_are_counted_by_route_and_what_no_route_answers_together(used: TestCloud):
    compute = await scraped(used, "compute")
    name, route = "stackwire_http_requests_total", "/v2.1/servers"
    assert value(compute, name, route=route, method="POST", status="202") >= 1
    assert value(compute, "stackwire_http_request_duration_seconds_count", route=route) >= 1
    assert value(compute, name, status="404") >= 1
    assert not any("nothing" in str(labels) for _, labels in compute)


async def test_messages_transitions_and_the_relay_are_counted(used: TestCloud):
    compute = await scraped(used, "compute")
    build = {"method": "build_and_run_instance", "topic": "compute"}
    assert value(compute, "stackwire_rpc_served_total", result="ok", **build) >= 1
    assert value(compute, "stackwire_rpc_served_duration_seconds_count", **build) >= 1
    assert value(compute, "stackwire_rpc_called_total", method="select_destinations", result="ok") >= 1
    assert value(compute, "stackwire_message_wait_seconds_count", queue="conductor") >= 1
    assert value(compute, "stackwire_transitions_total", resource="server", verb="finish_build", result="done") >= 1
    assert value(compute, "stackwire_relay_sent_total", kind="cast") >= 1
    assert value(compute, "stackwire_relay_sent_total", kind="notify") >= 1


async def test_what_waits_and_in_which_state_things_are_is_asked_of_the_database(used: TestCloud):
    compute = await scraped(used, "compute")
    assert value(compute, "stackwire_resources", resource="server", state="active") == 1
    assert value(compute, "stackwire_outbox_unsent") == 0
    assert value(compute, "stackwire_health", check="database") == 1
    assert value(compute, "stackwire_database_pool_size") > 0
    image = await scraped(used, "image")
    assert value(image, "stackwire_resources", resource="image", state="active") == 1


async def test_a_state_of_transition_has_an_age(a_cloud: ACloud):
    cloud = await a_cloud(services=("identity", "volume"))
    http = await cloud.http()
    volume = (await http.post("volume", "/v3/{project_id}/volumes", json={"volume": {"size": 1}})).ok(202).json
    await cloud.settle()
    before = "now() - interval '1 hour'"
    await cloud.rows(
        "volume", f"UPDATE volumes SET status = 'deleting', updated_at = {before} WHERE id = $1", volume["volume"]["id"]
    )
    found = await scraped(cloud, "volume")
    assert value(found, "stackwire_transient_oldest_seconds", resource="volume", state="deleting") >= 3_600


MONITORING = Path(__file__).parents[2] / "deploy" / "monitoring"


def expressions() -> dict[str, str]:
    """Every PromQL expression of the dashboard and of the alerts, by where it stands."""
    dashboard = json.loads((MONITORING / "dashboard.json").read_text())
    alerts = yaml.safe_load((MONITORING / "alerts.yaml").read_text())
    found = {
        f"{panel['title']} {target['refId']}": target["expr"]
        for panel in dashboard["panels"]
        for target in panel.get("targets", ())
    }
    found |= {rule["alert"]: rule["expr"] for group in alerts["groups"] for rule in group["rules"]}
    return found


@pytest.mark.parametrize("place", expressions())
def test_the_dashboard_and_the_alerts_name_metrics_with_labels_that_there_are(place: str):
    text = expressions()[place]
    known = {family.name: {"instance"} for family in REGISTRY.collect()}
    for collector, names in REGISTRY._collector_to_names.items():
        labels = {"service", "instance", "le", *getattr(collector, "_labelnames", ())}
        known |= dict.fromkeys(names, labels)
    used = set(re.findall(r"\b(?:stackwire|process)_\w+", text))
    assert used
    assert used <= known.keys()
    allowed = set.union(*(known[name] for name in used))
    grouped = {name.strip() for names in re.findall(r"\bby \(([^)]*)\)", text) for name in names.split(",")}
    matched = set(re.findall(r"(\w+)(?:=|!)~?\"", text))
    assert grouped | matched <= allowed
    assert text.count("(") == text.count(")")
    assert text.count("{") == text.count("}")


def test_every_panel_has_a_place_of_its_own_and_a_query():
    panels = json.loads((MONITORING / "dashboard.json").read_text())["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    places = [
        (x, y)
        for panel in panels
        for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
    ]
    assert len(places) == len(set(places))
    assert all(panel["type"] == "row" or panel["targets"] for panel in panels)


def test_every_metric_is_drawn_or_watched():
    text = " ".join(expressions().values())
    own = {family.name for family in REGISTRY.collect() if family.name.startswith("stackwire_")}
    # What health says in one series, and what the log says when it happens.
    assert {name for name in own if name not in text} == {"stackwire_broker_up", "stackwire_scrape_failures"}
