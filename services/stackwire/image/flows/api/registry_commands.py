"""The commands of glance-registry's v2: those of Glance's database driver that are about images and their members.

Each is a transaction. Who has set a property the API knows, and records it in its lineage.
Source: ``glance/registry/api/v2/rpc.py``, ``glance/db/sqlalchemy/api.py``.
"""

from collections.abc import Awaitable, Callable, Mapping
from inspect import signature
from typing import Any, Final

from stackwire.core.context import RequestContext
from stackwire.core.errors import BadRequest, Forbidden, NotFound, NotSimulated
from stackwire.image.db import usage
from stackwire.image.domain import registry_commands as commands
from stackwire.image.domain.attributes import check_tag
from stackwire.image.domain.errors import MemberNotFound
from stackwire.image.domain.members import Member
from stackwire.image.domain.registry import RegistryChange, read_change
from stackwire.image.domain.states import MEMBER_STATUSES
from stackwire.image.flows.api.images import ImageMetadata
from stackwire.image.flows.api.members import Memberships
from stackwire.image.flows.api.registry_images import RegistryImages
from stackwire.image.flows.deps import FlowDeps
from stackwire.image.onion.authorization import is_admin

Command = Callable[[RequestContext, Mapping[str, Any]], Awaitable[Any]]
OTHERS: Final = ("task_", "metadef_", "artifact_", "image_location_", "image_property_", "image_set_", "image_delete_")
"""How the driver's other commands begin: of tables that the registry does not have here, or parts of an update."""


class RegistryCommands:
    """Every method of a public name is a command; its parameters are those of Glance's driver."""

    def __init__(self, deps: FlowDeps, images: RegistryImages, metadata: ImageMetadata, members: Memberships) -> None:
        self._deps = deps
        self._images = images
        self._metadata = metadata
        self._members = members

    def find(self, name: str) -> Command:
        """The command of this name. Raises NotFound; NotSimulated for one that Glance has."""
        method = getattr(type(self), name, None)
        if name.startswith("_") or name == "find" or method is None:
            if name.startswith(OTHERS):
                raise NotSimulated(what=f"the registry's command {name[:100]}")
            raise NotFound("Command not found")

        async def command(ctx: RequestContext, arguments: Mapping[str, Any]) -> Any:
            try:
                bound = signature(method).bind(self, ctx, **arguments)
            except TypeError as error:
                raise BadRequest(f"{name}(): {error}") from error
            return await method(*bound.args, **bound.kwargs)

        return command

    # ---- images

    async def image_create(self, ctx: RequestContext, values: Any, v1_mode: Any = False) -> Any:
        return commands.image_row(await self._images.create(ctx, commands.body_of(values), by_client=False))

    async def image_update(
        self,
        ctx: RequestContext,
        image_id: Any,
        values: Any,
        purge_props: Any = False,
        from_state: Any = None,
        v1_mode: Any = False,
        atomic_props: Any = None,
    ) -> Any:
        change = read_change(commands.body_of(values, from_state), purge=bool(purge_props))
        changed = await self._images.update(ctx, _id(image_id), change, by_client=False)
        row = commands.image_row(changed.image)
        return row if change.upload is None else {**row, "allowance": changed.allowance}

    async def image_destroy(self, ctx: RequestContext, image_id: Any) -> Any:
        return commands.image_row(await self._images.delete(ctx, _id(image_id)))

    async def image_get(
        self, ctx: RequestContext, image_id: Any, force_show_deleted: Any = False, v1_mode: Any = False
    ) -> Any:
        get = self._images.get if force_show_deleted else self._metadata.get
        return commands.image_row(await get(ctx, _id(image_id)))

    async def image_get_all(
        self,
        ctx: RequestContext,
        filters: Any = None,
        marker: Any = None,
        limit: Any = None,
        sort_key: Any = None,
        sort_dir: Any = None,
        member_status: Any = "accepted",
        is_public: Any = None,
        admin_as_user: Any = False,
        return_tag: Any = False,
        v1_mode: Any = False,
    ) -> Any:
        arguments = {
            "filters": filters, "marker": marker, "limit": limit, "sort_key": sort_key, "sort_dir": sort_dir,
            "member_status": member_status, "is_public": is_public, "admin_as_user": admin_as_user,
        }  # fmt: skip
        query = commands.query_of(arguments, is_admin=is_admin(ctx))
        found, _ = await self._metadata.list_page(ctx, query)
        return [commands.image_row(image) for image in found]

    async def image_location_delete(
        self, ctx: RequestContext, image_id: Any, location_id: Any, status: Any, delete_time: Any = None
    ) -> Any:
        """Changes nothing: locations go with an update of their image, or with the image, which come next."""
        await self._metadata.get(ctx, _id(image_id))

    async def user_get_storage_usage(self, ctx: RequestContext, owner_id: Any, image_id: Any = None) -> Any:
        """Bytes that the images of a project have, but for those of one image."""
        if not is_admin(ctx) and owner_id != ctx.project_id:
            raise Forbidden
        async with self._deps.database.read() as session:
            used = await usage.usage(session, owner_id, None if image_id is None else _id(image_id))
        return used.size

    # ---- tags

    async def image_tag_get_all(self, ctx: RequestContext, image_id: Any) -> Any:
        return list((await self._metadata.get(ctx, _id(image_id))).tags)

    async def image_tag_set_all(self, ctx: RequestContext, image_id: Any, tags: Any) -> Any:
        if not isinstance(tags, list):
            raise BadRequest("The tags are a list.")
        wanted = tuple(dict.fromkeys(check_tag(tag) for tag in tags))
        if set((await self._metadata.get(ctx, _id(image_id))).tags) != set(wanted):
            await self._images.update(ctx, _id(image_id), RegistryChange(columns={"tags": wanted}))

    async def image_tag_create(self, ctx: RequestContext, image_id: Any, value: Any) -> Any:
        await self._metadata.add_tag(ctx, _id(image_id), value)
        return value

    async def image_tag_delete(self, ctx: RequestContext, image_id: Any, value: Any) -> Any:
        await self._metadata.remove_tag(ctx, _id(image_id), check_tag(value))

    # ---- members

    async def image_member_find(
        self,
        ctx: RequestContext,
        image_id: Any = None,
        member: Any = None,
        status: Any = None,
        include_deleted: Any = False,
    ) -> Any:
        """Those of an image, or the memberships of a project; a membership that was removed is none."""
        if image_id is not None:
            rows = await self._members.list_for_image(ctx, _id(image_id))
        else:
            rows = await self._members.list_for_project(ctx, _project(member))
        return [
            commands.member_row(row) for row in rows if member in (None, row.member) and status in (None, row.status)
        ]

    async def image_member_count(self, ctx: RequestContext, image_id: Any) -> Any:
        return len(await self._members.list_for_image(ctx, _id(image_id)))

    async def image_member_create(self, ctx: RequestContext, values: Any) -> Any:
        """A membership that is pending, unless the values say otherwise."""
        given = _values(values)
        image_id, member = _id(given.get("image_id")), _project(given.get("member"))
        added = await self._members.add(ctx, image_id, member)
        status = given.get("status", added.status)
        if status != added.status:
            added = await self._members.set_status(ctx, image_id, member, status)
        return commands.member_row(added)

    async def image_member_update(self, ctx: RequestContext, memb_id: Any, values: Any) -> Any:
        """Its status; nothing else of it changes."""
        image_id, member = _member(memb_id)
        status = _values(values).get("status")
        row = await self._members.get(ctx, image_id, member)
        if status in MEMBER_STATUSES and status != row.status:
            row = await self._members.set_status(ctx, image_id, member, status)
        return commands.member_row(row)

    async def image_member_delete(self, ctx: RequestContext, memb_id: Any) -> Any:
        image_id, member = _member(memb_id)
        row: Member = await self._members.get(ctx, image_id, member)
        await self._members.remove(ctx, image_id, member)
        return commands.member_row(row)


def _id(value: Any) -> str:
    """In lower case, as rows have it."""
    if not isinstance(value, str):
        raise BadRequest("The id of an image is a text.")
    return value.lower()


def _project(value: Any) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= 255:
        raise BadRequest("A member is the id of a project.")
    return value


def _values(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise BadRequest("The values of a member are an object.")
    return value


def _member(value: Any) -> tuple[str, str]:
    """The image and the project that the id of a membership names."""
    image_id, slash, member = str(value).partition("/")
    if not slash:
        raise MemberNotFound(member_id=str(value)[:255], image_id="-")
    return image_id, member
