"""The OpenAPI document is of the API there is: each route, each parameter of a path, each schema it names."""

import re
import subprocess
import sys
from typing import Any

import orjson
import pytest

from stackwire.http.app import Route, make_app
from stackwire.image.http.errors import glance_error
from stackwire.image.openapi.calls import CALLS
from stackwire.image.openapi.document import METHODS, PROBES, document, path_of, table
from stackwire.image.openapi.metadefs import METADEFS

DOCUMENT = document()
OPERATIONS = {
    f"{method.upper()} {path}": said for path, item in DOCUMENT["paths"].items() for method, said in item.items()
}


def served(routes: list[Route]) -> set[str]:
    """What the application with these routes answers, as aiohttp has it."""
    nobody: Any = None
    app = make_app(routes=routes, authenticator=nobody, errors=glance_error)
    found = set()
    for route in app.router.routes():
        assert route.resource is not None
        methods = METHODS if route.method == "*" else (route.method,)
        found |= {f"{method.upper()} {route.resource.canonical.replace('{tail}', '')}" for method in methods}
    return found


def test_every_route_of_the_application_is_reported_and_no_other() -> None:
    assert served(table()) == set(OPERATIONS)


def test_a_route_that_is_not_declared_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    extra = Route("GET", "/v2/extra", table()[0].handler)
    monkeypatch.setattr("stackwire.image.openapi.document.table", lambda: [*table(), extra])
    with pytest.raises(KeyError, match="GET /v2/extra"):
        document()


def test_nothing_is_said_of_a_call_that_is_not_served() -> None:
    known = {f"{route.method} {path_of(route.path)}" for route in table()} | {f"GET {path}" for path in PROBES}
    assert {*CALLS, *METADEFS} <= known


@pytest.mark.parametrize("name", OPERATIONS)
def test_an_operation_has_its_paths_parameters_an_answer_and_a_name(name: str) -> None:
    said = OPERATIONS[name]
    in_path = [each["name"] for each in said.get("parameters", ()) if each["in"] == "path"]
    assert in_path == re.findall(r"\{(\w+)\}", name)
    named = [(each["in"], each["name"]) for each in said.get("parameters", ())]
    assert len(set(named)) == len(named)
    assert said["summary"]
    assert said["responses"].keys() - {"400", "401"}
    assert ("401" in said["responses"]) == ("security" not in said)


def test_each_operation_has_an_id_of_its_own() -> None:
    ids = [said["operationId"] for said in OPERATIONS.values()]
    assert len(set(ids)) == len(ids)


def test_only_what_is_not_simulated_answers_501() -> None:
    refused = {name.split()[1] for name, said in OPERATIONS.items() if "501" in said["responses"]}
    assert refused == {"/v3/artifacts", "/v0.1/artifacts"}


def test_every_schema_that_is_named_is_there() -> None:
    named = set(re.findall(r'"\$ref":"#/components/schemas/(\w+)"', orjson.dumps(DOCUMENT).decode()))
    assert named <= set(DOCUMENT["components"]["schemas"])
    assert b"#/definitions/" not in orjson.dumps(DOCUMENT)


def test_a_patch_has_glances_media_types_and_data_is_octets() -> None:
    patch = OPERATIONS["PATCH /v2/images/{image_id}"]["requestBody"]["content"]
    assert sorted(patch) == [f"application/openstack-images-v2.{minor}-json-patch" for minor in (0, 1)]
    assert list(OPERATIONS["PUT /v2/images/{image_id}/file"]["requestBody"]["content"]) == ["application/octet-stream"]


def test_the_command_prints_the_document() -> None:
    words = [sys.executable, "-m", "stackwire.image.openapi"]
    printed = subprocess.run(words, check=True, capture_output=True).stdout
    assert orjson.loads(printed) == DOCUMENT
