"""The document of the admin port is of the routes there are, and each schema it names is in it and is one."""

import json
import re
from typing import Any

import jsonschema
import pytest

from stackwire.cloud.admin.openapi import document
from stackwire.cloud.admin.routes import routes, routes_of_processes
from stackwire.core.faults import FaultRules


class Nothing:
    def __getattr__(self, name: str) -> Any:
        return self


NOTHING: Any = Nothing()
TABLE = routes(NOTHING)
DOCUMENT = document(TABLE)
OPERATIONS = {
    f"{method.upper()} {path}": said for path, item in DOCUMENT["paths"].items() for method, said in item.items()
}


def test_it_has_every_route_once() -> None:
    table = [f"{route.method} {re.sub(r':[^{}]*', '', route.path)}" for route in TABLE]
    assert sorted(table) == sorted(OPERATIONS)


def test_each_operation_has_an_id_of_its_own() -> None:
    ids = [said["operationId"] for said in OPERATIONS.values()]
    assert len(set(ids)) == len(ids)


def test_every_schema_that_is_named_is_there_and_is_a_schema() -> None:
    schemas = DOCUMENT["components"]["schemas"]
    assert set(re.findall(r'"\$ref": "#/components/schemas/(\w+)"', json.dumps(DOCUMENT))) <= set(schemas)
    for schema in schemas.values():
        jsonschema.Draft7Validator.check_schema(schema)


@pytest.mark.parametrize("name", [name for name, said in OPERATIONS.items() if "requestBody" in said])
def test_a_body_and_its_example_fit(name: str) -> None:
    content = OPERATIONS[name]["requestBody"]["content"]["application/json"]
    if "example" in content:
        jsonschema.validate(content["example"], {**content["schema"], "components": DOCUMENT["components"]})
    assert content["schema"]["$ref"]


def test_services_elsewhere_have_a_part_of_it() -> None:
    part = document(routes_of_processes(FaultRules(), {}))
    assert {"/faults", "/health", "/openapi.json"} <= part["paths"].keys() <= DOCUMENT["paths"].keys()
