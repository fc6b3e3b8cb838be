"""Fault rules: set, listed, removed."""

from collections.abc import Sequence
from typing import Any, Literal

from aiohttp import web
from pydantic import BaseModel, ValidationError

from stackwire.cloud.admin.route import AdminRoute
from stackwire.core.errors import BadRequest
from stackwire.core.fault_rules import FaultRule, kinds
from stackwire.core.faults import Fault, FaultRules
from stackwire.http.request import json_body, read, respond


class FaultView(FaultRule):
    """A rule that is set. ``hits``: how often it has happened; ``remaining_seconds``: until it expires."""

    id: str
    state: Literal["active", "used up", "expired"]
    hits: int
    remaining_seconds: float | None = None


class FaultAnswer(BaseModel):
    """One rule. ``obeyed_by``: the services to which any can happen now."""

    fault: FaultView
    obeyed_by: list[str]


class FaultList(BaseModel):
    """The rules in the order in which they were set, those that happen no more too. ``obeyed_by``: as of one."""

    faults: list[FaultView]
    obeyed_by: list[str]


class FaultKindView(BaseModel):
    """``match``: what a rule of the kind may match; ``needs`` and ``may``: its other fields."""

    kind: str
    summary: str
    match: list[str]
    needs: list[str]
    may: list[str]


class FaultKindList(BaseModel):
    """Every kind of fault."""

    kinds: list[FaultKindView]


class FaultHandlers:
    """Handlers of ``/faults``."""

    def __init__(self, faults: FaultRules) -> None:
        self._faults = faults

    async def list(self, request: web.Request) -> web.Response:
        """All that are set."""
        found = [fault.view() for fault in self._faults.faults]
        return respond(200, {"faults": found, "obeyed_by": self._faults.obeyed_by})

    async def create(self, request: web.Request) -> web.Response:
        """201; 400 for a rule that cannot be."""
        fault = self._faults.add(_rule(await json_body(request)))
        await self._faults.spread()
        return respond(201, self._one(fault), {"Location": f"/faults/{fault.id}"})

    async def show(self, request: web.Request) -> web.Response:
        """One, or 404."""
        return respond(200, self._one(self._faults.get(request.match_info["id"])))

    def _one(self, fault: Fault) -> dict[str, Any]:
        return {"fault": fault.view(), "obeyed_by": self._faults.obeyed_by}

    async def delete(self, request: web.Request) -> web.Response:
        """204: it happens no more, and what it holds up continues."""
        self._faults.remove(request.match_info["id"])
        await self._faults.spread()
        return respond(204)

    async def clear(self, request: web.Request) -> web.Response:
        """204: none is set."""
        self._faults.clear()
        await self._faults.spread()
        return respond(204)

    async def kinds(self, request: web.Request) -> web.Response:
        """What can be set."""
        return respond(200, {"kinds": kinds()})


def _rule(value: Any) -> FaultRule:
    """Raises BadRequest: what does not fit together is no single field's error."""
    try:
        return FaultRule.model_validate(value)
    except ValidationError as invalid:
        first = invalid.errors()[0]
        if not first["loc"] and isinstance(value, dict):
            raise BadRequest(first["msg"].removeprefix("Value error, ")) from None
        return read(FaultRule, value)


EXAMPLE: dict[str, Any] = {"kind": "bus.drop", "match": {"method": "create_volume", "message": "cast"}, "count": 1}


def fault_routes(faults: FaultRules) -> Sequence[AdminRoute]:
    """``/faults`` and what lies below."""
    handlers, path = FaultHandlers(faults), "/faults"
    table: Sequence[tuple[str, str, Any, str, dict[str, Any]]] = (
        ("GET", path, handlers.list, "The rules that are set", {"answer": FaultList}),
        (
            "POST",
            path,
            handlers.create,
            "Set a rule",
            {"body": FaultRule, "answer": FaultAnswer, "status": 201, "errors": (409,), "example": EXAMPLE},
        ),
        ("DELETE", path, handlers.clear, "Remove all rules", {"status": 204}),
        ("GET", f"{path}/kinds", handlers.kinds, "Every kind of fault, with its fields", {"answer": FaultKindList}),
        ("GET", f"{path}/{{id}}", handlers.show, "One rule", {"answer": FaultAnswer, "errors": (404,)}),
        ("DELETE", f"{path}/{{id}}", handlers.delete, "Remove a rule", {"status": 204, "errors": (404,)}),
    )
    return [
        AdminRoute(method=method, path=path, handler=handler, tag="faults", summary=summary, **more)
        for method, path, handler, summary, more in table
    ]
