"""The client of glance-registry's v2: the methods of the v1 client, each of them one command.

Source: ``glance/db/registry/api.py``, ``glance/db/__init__.py: ImageRepo, ImageMemberRepo``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from stackwire.core.context import RequestContext
from stackwire.core.errors import NotFound
from stackwire.image.backends.registry import RegistryClient, read_answer
from stackwire.image.domain import registry_commands as commands
from stackwire.image.domain.errors import ImageNotFound, MemberExists, MemberNotFound, Vanished
from stackwire.image.domain.image import Image
from stackwire.image.domain.listing import Query
from stackwire.image.domain.members import Member
from stackwire.image.domain.registry import RegistryUpload


class RegistryV2Client:
    """Raises the errors that commands result in, and RegistryUnavailable where there is no result."""

    def __init__(self, client: RegistryClient) -> None:
        self._call = client.call

    async def images(self, ctx: RequestContext, query: Query, limit: int) -> list[Image]:
        rows = await self._call(ctx, "image_get_all", **commands.query_arguments(query, limit))
        return read_answer(rows, lambda found: [commands.image_of(row) for row in found])

    async def image(self, ctx: RequestContext, image_id: str) -> Image:
        return _image(await self._call(ctx, "image_get", image_id=image_id))

    async def create(self, ctx: RequestContext, image: Image) -> Image:
        """Raises Duplicate."""
        return _image(await self._call(ctx, "image_create", values=commands.new_values(image)))

    async def update(self, ctx: RequestContext, before: Image, after: Image) -> Image:
        """A status changes only from what it was before: Conflict."""
        return _image(await self._call(ctx, "image_update", **commands.update_values(before, after)))

    async def begin_upload(self, ctx: RequestContext, image: Image, upload: RegistryUpload) -> tuple[Image, int]:
        """The image, which is being saved, and the bytes that it may have."""
        row = await self._upload(ctx, image, {"status": "saving"}, upload)
        return _image(row), read_answer(row, lambda found: int(found["allowance"]))

    async def finish_upload(
        self, ctx: RequestContext, image: Image, facts: Mapping[str, Any], upload: RegistryUpload
    ) -> Image:
        """``facts``: the size and the checksum of the data. Raises Vanished."""
        try:
            return _image(await self._upload(ctx, image, {"status": "active", **facts}, upload))
        except ImageNotFound as error:
            raise Vanished(image_id=image.id) from error

    async def abort_upload(self, ctx: RequestContext, image: Image, status: str, upload: RegistryUpload) -> None:
        """Raises Conflict when the image is no longer, or not, this upload's."""
        await self._upload(ctx, image, {"status": status}, upload)

    async def delete(self, ctx: RequestContext, image_id: str) -> Image:
        """The image as it was deleted."""
        return _image(await self._call(ctx, "image_destroy", image_id=image_id))

    async def members(self, ctx: RequestContext, image_id: str) -> list[Member]:
        return _members(await self._call(ctx, "image_member_find", image_id=image_id))

    async def shared_images(self, ctx: RequestContext, member: str) -> list[Member]:
        return _members(await self._call(ctx, "image_member_find", member=member))

    async def create_member(self, ctx: RequestContext, image_id: str, member: str) -> Member:
        """Raises MemberExists."""
        if any(row.member == member for row in await self.members(ctx, image_id)):
            raise MemberExists(member_id=member, image_id=image_id)
        values = {"image_id": image_id, "member": member, "status": "pending"}
        return _member(await self._call(ctx, "image_member_create", values=values))

    async def update_member(self, ctx: RequestContext, row: Member, status: str) -> Member:
        """Raises MemberNotFound."""
        values = {"image_id": row.image_id, "member": row.member, "status": status}
        return await self._change_member(ctx, row, "image_member_update", values=values)

    async def delete_member(self, ctx: RequestContext, row: Member) -> Member:
        """Raises MemberNotFound."""
        return await self._change_member(ctx, row, "image_member_delete")

    async def _change_member(self, ctx: RequestContext, row: Member, command: str, **arguments: Any) -> Member:
        try:
            return _member(await self._call(ctx, command, memb_id=commands.member_id(row), **arguments))
        except ImageNotFound:
            raise
        except NotFound as error:
            raise MemberNotFound(member_id=row.member, image_id=row.image_id) from error

    async def _upload(
        self, ctx: RequestContext, image: Image, changes: Mapping[str, Any], upload: RegistryUpload
    ) -> Any:
        values = {**changes, "upload": asdict(upload)}
        return await self._call(ctx, "image_update", image_id=image.id, values=values, from_state=image.status)


def _image(row: Any) -> Image:
    return read_answer(row, commands.image_of)


def _member(row: Any) -> Member:
    return read_answer(row, commands.member_of)


def _members(rows: Sequence[Any]) -> list[Member]:
    return read_answer(rows, lambda found: [commands.member_of(row) for row in found])
