"""A body's fault in the words of JSON schema, as recorded from Nova, Cinder and Keystone."""

from typing import Any

import pytest
from pydantic import BaseModel

from stackwire.compute.http.schemas.flavors import CreateFlavor
from stackwire.compute.http.schemas.server_actions import CreateImage
from stackwire.compute.http.schemas.servers import CreateServer
from stackwire.core.errors import BadRequest
from stackwire.http.request import read, reading
from stackwire.volume.http.schemas import volume_actions
from stackwire.volume.http.schemas.volumes import CreateVolumeBody

UNEXPECTED = "Additional properties are not allowed ('k' was unexpected)"
FIELD = "Invalid input for field/attribute {}. Value: {}. {}"
SERVER = {"name": "a", "flavorRef": "1", "imageRef": ""}
FLAVOR = {"name": "a", "ram": 1, "vcpus": 1, "disk": 0}


def server(**fields: Any) -> dict[str, Any]:
    return {"server": SERVER | fields}


def flavor(**fields: Any) -> dict[str, Any]:
    return {"flavor": FLAVOR | fields}


ROWS: list[tuple[type[BaseModel], Any, str]] = [
    (CreateServer, True, "True is not of type 'object'"),
    (CreateServer, {}, "'server' is a required property"),
    (CreateServer, server() | {"k": 1}, UNEXPECTED),
    (CreateServer, {"server": {}}, FIELD.format("server", "{}", "'name' is a required property")),
    (CreateServer, server(flavorRef=None), FIELD.format("flavorRef", None, "None is not of type 'string', 'integer'")),
    (CreateServer, server(description=True), FIELD.format("description", True, "True is not of type 'string', 'null'")),
    (CreateServer, server(name=""), FIELD.format("name", "", "'' should be non-empty")),
    (CreateServer, server(accessIPv4=""), FIELD.format("accessIPv4", "", "'' is not a 'ipv4'")),
    (CreateServer, server(min_count=-1), FIELD.format("min_count", -1, "-1 is less than the minimum of 1")),
    (CreateServer, server(config_drive={}), FIELD.format("config_drive", {}, "{} is not of type 'boolean', 'string'")),
    (
        CreateServer,
        server(**{"OS-DCF:diskConfig": ""}),
        FIELD.format("OS-DCF:diskConfig", "", "'' is not one of ['AUTO', 'MANUAL']"),
    ),
    (CreateFlavor, flavor(ram=""), FIELD.format("ram", "", "'' does not match '^[0-9]+$'")),
    (CreateFlavor, flavor(ram=None), FIELD.format("ram", None, "None is not of type 'integer', 'string'")),
    (CreateFlavor, flavor(id=True), FIELD.format("id", True, "True is not of type 'string', 'number', 'null'")),
    (CreateFlavor, flavor(k="a"), FIELD.format("flavor", "an object", UNEXPECTED)),
    (CreateVolumeBody, {"volume": {"size": True}},
        FIELD.format("size", True, "True is not of type 'integer', 'string', 'null'")),
    (CreateVolumeBody, {"volume": {"metadata": {"k": {}}}}, FIELD.format("k", {}, "{} is not of type 'string'")),
]  # fmt: skip


@pytest.mark.parametrize(("model", "body", "message"), ROWS)
def test_a_fault_is_told_as_the_original_tells_it(model: type[BaseModel], body: Any, message: str) -> None:
    with pytest.raises(BadRequest) as refused:
        read(model, body)
    assert str(refused.value) == message


@pytest.mark.parametrize(
    ("model", "action", "value", "fault"),
    [
        (CreateImage, "createImage", None, "None is not of type 'object'"),
        (volume_actions.ExtendAction, "os-extend", {}, "'new_size' is a required property"),
    ],
)
def test_the_fault_of_an_action_names_the_action(model: type[BaseModel], action: str, value: Any, fault: str) -> None:
    with pytest.raises(BadRequest) as refused, reading(action):
        read(model, value)
    assert str(refused.value) == FIELD.format(action, value, fault)


def test_a_secret_is_not_quoted_and_a_long_value_is_cut() -> None:
    with pytest.raises(BadRequest) as refused:
        read(CreateServer, server(adminPass={}))
    assert str(refused.value) == FIELD.format("adminPass", "***", "*** is not of type 'string'")
    with pytest.raises(BadRequest) as refused:
        read(CreateServer, server(name="a" * 300))
    assert str(refused.value) == FIELD.format("name", "a" * 200 + "...", "'" + "a" * 199 + "... is too long")
