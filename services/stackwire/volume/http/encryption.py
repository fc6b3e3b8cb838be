"""/types/{id}/encryption and /volumes/{id}/encryption."""

from typing import Any

from aiohttp import web

from stackwire.core.attributes import attributes
from stackwire.core.errors import NotFound
from stackwire.http.request import CONTEXT, body, respond
from stackwire.volume.domain.errors import VolumeTypeEncryptionNotFound
from stackwire.volume.domain.model import FIXED_KEY, Encryption
from stackwire.volume.domain.notifications import naive
from stackwire.volume.flows.registry import ApiFlows
from stackwire.volume.http.schemas.encryption import CreateEncryptionBody, UpdateEncryptionBody


class EncryptionHandlers:
    """``cinder/api/contrib/volume_type_encryption.py: VolumeTypeEncryptionController``."""

    def __init__(self, flows: ApiFlows) -> None:
        self._flows = flows.type_encryption

    async def show(self, request: web.Request) -> web.Response:
        return respond(200, _view(await self._flows.get(request[CONTEXT], request.match_info["type_id"])))

    async def show_item(self, request: web.Request) -> web.Response:
        type_id, key = request.match_info["type_id"], request.match_info["key"]
        view = _view(await self._flows.get(request[CONTEXT], type_id))
        if key not in view:
            raise VolumeTypeEncryptionNotFound(type_id=type_id)
        return respond(200, {key: view[key]})

    async def create(self, request: web.Request) -> web.Response:
        given = (await body(request, CreateEncryptionBody)).encryption
        created = await self._flows.create(request[CONTEXT], request.match_info["type_id"], given.model_dump())
        ids = attributes(created, "volume_type_id encryption_id")
        return respond(200, {"encryption": {**given.model_dump(exclude_unset=True), **ids}})

    async def update(self, request: web.Request) -> web.Response:
        given = (await body(request, UpdateEncryptionBody)).encryption.model_dump(exclude_unset=True)
        await self._flows.update(request[CONTEXT], request.match_info["type_id"], given)
        return respond(200, {"encryption": given})

    async def delete(self, request: web.Request) -> web.Response:
        await self._flows.delete(request[CONTEXT], request.match_info["type_id"])
        return respond(202)


class VolumeEncryptionHandlers:
    """``cinder/api/contrib/volume_encryption_metadata.py``."""

    def __init__(self, flows: ApiFlows) -> None:
        self._flows = flows.type_encryption

    async def show(self, request: web.Request) -> web.Response:
        return respond(200, await self._read(request))

    async def show_item(self, request: web.Request) -> web.Response:
        """The bare value. Cinder answers 500 for an item that the volume has not."""
        found, key = await self._read(request), request.match_info["key"]
        if key not in found:
            raise NotFound(f"The volume has no encryption {key}.")
        return web.Response(text=str(found[key] or ""), content_type="application/json")

    async def _read(self, request: web.Request) -> dict[str, Any]:
        found = await self._flows.of_volume(request[CONTEXT], request.match_info["volume_id"])
        if found is None:
            return {"encryption_key_id": None}
        how = attributes(found, "control_location cipher key_size provider")
        return {"encryption_key_id": FIXED_KEY, **how}


def _view(encryption: Encryption | None) -> dict[str, Any]:
    """Nothing of a type that is not encrypted."""
    if encryption is None:
        return {}
    return {
        **attributes(encryption, "encryption_id cipher key_size provider control_location volume_type_id"),
        "deleted_at": None,
        "deleted": False,
        "created_at": naive(encryption.created_at),
        "updated_at": naive(encryption.updated_at),
    }
