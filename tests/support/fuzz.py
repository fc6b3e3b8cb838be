"""Schemathesis against a live image service: calls made up from its OpenAPI document, many of them of what is there.

Half of the calls are as the document has them, half break it in one place. An answer must not be a failure of the
service, and must be one that the document knows: its code, its media type, its schema.
"""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.specs.openapi import checks as conformance

from stackwire.image.domain.attributes import BASE, DESCRIBED
from stackwire.image.domain.patch import MEDIA_TYPES
from stackwire.image.domain.schemas import SCHEMAS

schemathesis.serializer.alias(list(MEDIA_TYPES), "application/json")

RENEWED = 10
"""Calls after which there are new things to ask about: many calls delete theirs."""
BY_ADMIN = ("/v2/metadefs", "/v2/cache", "/v2/tasks")
"""Where a mere user is refused most of it: an administrator asks too."""
PATCHED = [f"/{name}" for name in (*BASE, *DESCRIBED, "id", "locations", "status", "k", "os_glance_x", "a~1b")]
TYPE = "OS::Nova::Server"


def no_failure(ctx: Any, response: Any, case: Any) -> None:
    """No 5xx, but 501 where the document says that the call is not simulated."""
    refused = response.status_code == 501 and "501" in case.operation.definition.raw["responses"]
    assert response.status_code < 500 or refused, f"{response.status_code} of {case.operation.label}"


CHECKS = [
    no_failure,
    conformance.status_code_conformance,
    conformance.content_type_conformance,
    conformance.response_schema_conformance,
]


@dataclass
class Fuzz:
    """``tokens`` by user; ``member``: another project's id. ``calls``: how many there were, by code."""

    document: Mapping[str, Any]
    url: str
    tokens: Mapping[str, str]
    member: str

    def __post_init__(self) -> None:
        """Tokens are real ones: made-up ones would be refused before anything else is read."""
        self.schema = schemathesis.openapi.from_dict({**self.document, "security": []})
        self.session = requests.Session()
        self.calls: dict[int, int] = {}
        self._numbers = itertools.count()
        self._asked = itertools.count()
        self._things: dict[str, Sequence[str]] = {}

    def operation(self, method: str, path: str, examples: int, *, same: bool) -> None:
        """So many calls of one operation; ``same``: the same ones each time. Raises when an answer was bad."""
        operation = self.schema[path][method]
        plain = [operation.as_strategy(generation_mode=GenerationMode.POSITIVE)]
        broken = [operation.as_strategy(generation_mode=GenerationMode.NEGATIVE)]
        users = ["demo", "admin"] if path.startswith(BY_ADMIN) else ["demo"]
        can_break = bool(operation.body or operation.query or operation.headers)

        @settings(
            max_examples=examples,
            derandomize=same,
            deadline=None,
            database=None,
            phases=[Phase.generate, Phase.shrink],
            suppress_health_check=list(HealthCheck),
        )
        @given(st.one_of(plain + broken if can_break else plain), st.sampled_from(users), st.data())
        def ask(case: Any, user: str, data: st.DataObject) -> None:
            if next(self._asked) % RENEWED == 0:
                self._things = self.things()
            _of_what_is_there(case, self._things, data)
            headers = {"X-Auth-Token": self.tokens[user], "Accept": "application/json"}
            response = case.call(self.url, self.session, headers)
            self.calls[response.status_code] = self.calls.get(response.status_code, 0) + 1
            case.validate_response(response, checks=CHECKS)

        ask()

    def things(self) -> dict[str, Sequence[str]]:
        """New things of each kind, as the parameters of paths name them."""
        images = [self._image() for _ in range(4)]
        octets = {"Content-Type": "application/octet-stream"}
        for image_id in images[:2]:
            self._call("PUT", f"/v2/images/{image_id}/file", headers=octets, data=b"some data")
        self._call("POST", f"/v2/images/{images[1]}/actions/deactivate")
        self._call("POST", f"/v2/images/{images[0]}/members", json={"member": self.member})
        self._call("PUT", f"/v2/images/{images[2]}/stage", headers=octets, data=b"some data")
        wish = {"type": "api_image_import", "input": {"image_id": images[3]}}
        task = self._call("POST", "/v2/tasks", user="admin", json=wish).json()
        return {
            "image_id": images,
            "tag": ["one", "two"],
            "member": [self.member],
            "task_id": [task["id"]],
            "namespace": [self._namespace()],
            "name": ["one", *SCHEMAS],
            "resource_type": [TYPE],
        }

    def _image(self) -> str:
        wish = {"name": "i", "disk_format": "raw", "container_format": "bare", "tags": ["one"], "k": "v"}
        return str(self._call("POST", "/v2/images", json=wish).json()["id"])

    def _namespace(self) -> str:
        name = f"namespace-{next(self._numbers)}"
        shape = {"title": "One", "type": "string"}
        wish = {
            "namespace": name,
            "visibility": "public",
            "properties": {"one": shape},
            "objects": [{"name": "one", "properties": {"one": shape}}],
            "tags": [{"name": "one"}],
            "resource_type_associations": [{"name": TYPE, "prefix": "p_"}],
        }
        self._call("POST", "/v2/metadefs/namespaces", user="admin", json=wish)
        return name

    def _call(self, method: str, path: str, user: str = "demo", **more: Any) -> requests.Response:
        headers = {"X-Auth-Token": self.tokens[user], **more.pop("headers", {})}
        response = self.session.request(method, self.url + path, headers=headers, timeout=30, **more)
        assert response.ok, f"{method} {path}: {response.status_code} {response.text}"
        return response


def _of_what_is_there(case: Any, things: Mapping[str, Sequence[str]], data: st.DataObject) -> None:
    """Most calls are about what is there, and most patches about what an image has."""
    for name in case.path_parameters or {}:
        if name in things and data.draw(st.integers(0, 3)):
            case.path_parameters[name] = data.draw(st.sampled_from(things[name]))
    if case.media_type in MEDIA_TYPES and isinstance(case.body, list):
        for change in case.body:
            for key in ("path", "add", "replace", "remove"):
                if isinstance(change, dict) and isinstance(change.get(key), str) and data.draw(st.integers(0, 3)):
                    change[key] = data.draw(st.sampled_from(PATCHED))
