"""Which endpoint serves a request: oslo.messaging's rules (oslo_messaging/rpc/dispatcher.py, _utils.py)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ValidationError

from stackwire.contracts.base import Endpoint, Target
from stackwire.messaging.errors import NoSuchMethod, UnsupportedVersion


def compatible(implemented: str, requested: str) -> bool:
    """Whether ``requested`` is served: same major, a minor not beyond the one served, nor, at equal minors, the
    revision.

    Raises IndexError for a version without a minor, ValueError for one that is not numbers, as oslo does.
    """
    have, want = implemented.split("."), requested.split(".")
    if int(have[0]) != int(want[0]):
        return False
    if int(want[1]) != int(have[1]):
        return int(want[1]) < int(have[1])
    return int(want[2] if len(want) > 2 else 0) <= int(have[2] if len(have) > 2 else 0)


@dataclass(frozen=True, slots=True)
class Route:
    """An endpoint with the names of its arguments."""

    endpoint: Endpoint
    names: frozenset[str]

    def read(self, args: Mapping[str, Any]) -> Any:
        """The message. Raises TypeError, without any values in its text, when the arguments do not fit."""
        unknown = args.keys() - self.names
        if unknown:
            raise TypeError(f"{self.endpoint.method}() got unexpected arguments: {', '.join(sorted(unknown))}")
        try:
            return self.endpoint.message.from_args(args)
        except ValidationError as error:
            raise TypeError(f"{self.endpoint.method}(): {_described(error)}") from None


class Dispatcher:
    """The endpoints of one server. Raises ValueError for an empty table or a duplicate route.

    All methods of one namespace and major version form one interface, whose version is the newest among them: a
    client may request any of them at any version up to it, as with an endpoint object of the originals.
    """

    def __init__(self, target: Target, endpoints: Sequence[Endpoint]) -> None:
        if not endpoints:
            raise ValueError(f"no endpoints for {target.topic}")
        self._routes: dict[tuple[str | None, str, str], Route] = {}
        self._offers: dict[str | None, dict[str, str]] = {}
        for endpoint in endpoints:
            self._add(endpoint)

    def _add(self, endpoint: Endpoint) -> None:
        at = endpoint.message.target
        major = at.version.split(".")[0]
        if (at.namespace, major, endpoint.method) in self._routes:
            raise ValueError(f"two endpoints for {at.topic}.{endpoint.method} {at.version}")
        self._routes[at.namespace, major, endpoint.method] = Route(endpoint, _names(endpoint.message))
        offers = self._offers.setdefault(at.namespace, {})
        if major not in offers or compatible(at.version, offers[major]):
            offers[major] = at.version

    def find(self, namespace: str | None, version: str | None, method: object) -> Route:
        """The route of a request. Raises NoSuchMethod when an interface fits but lacks the method, UnsupportedVersion
        when
        none fits, TypeError for a method that is no text."""
        if not isinstance(method, str):
            raise TypeError("the method's name must be text")
        if version is not None:
            for major, offered in self._offers.get(namespace, {}).items():
                if compatible(offered, version):
                    route = self._routes.get((namespace, major, method))
                    if route is None:
                        raise NoSuchMethod(method=method)
                    return route
        raise UnsupportedVersion(version=version, namespace=namespace, method=method)


def _names(message: type[BaseModel]) -> frozenset[str]:
    fields = message.model_fields
    aliases = {field.validation_alias for field in fields.values() if isinstance(field.validation_alias, str)}
    return frozenset(fields) | frozenset(aliases)


def _described(error: ValidationError) -> str:
    """The fields that do not fit, with the type of error; never their values, which may be secret."""
    return "; ".join(
        f"{'.'.join(str(part) for part in item['loc']) or 'arguments'}: {item['type']}"
        for item in error.errors(include_url=False, include_context=False, include_input=False)
    )
