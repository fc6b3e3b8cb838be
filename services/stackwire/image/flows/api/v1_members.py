"""Members of images in the v1 API, around glance-registry. Source: ``glance/api/v1/members.py``."""

from collections.abc import Sequence
from dataclasses import replace

from stackwire.core.behaviours import Behaviours
from stackwire.core.context import RequestContext
from stackwire.image.backends.registry import RegistryClient
from stackwire.image.domain.errors import ImageForbidden, ImageNotFound, NotOwner, NotShared
from stackwire.image.domain.image import Image
from stackwire.image.domain.members import Member
from stackwire.image.domain.policy import target_of
from stackwire.image.flows.deps import FlowDeps
from stackwire.image.onion.authorization import is_admin
from stackwire.image.onion.registry import ELSEWHERE


class V1Memberships:
    """In releases without the visibility ``shared`` private images have members: the registry makes them shared."""

    def __init__(self, deps: FlowDeps, registry: RegistryClient, behaviours: Behaviours) -> None:
        self._policy = deps.policy
        self._images = deps.onion.images
        self._members = deps.onion.members
        self._registry = registry
        self._private_are_shared = not behaviours.has("visibility-shared-default")

    async def list_for_image(self, ctx: RequestContext, image_id: str) -> Sequence[Member]:
        """Those that the caller may see."""
        return await self._members.list_for_image(ctx, ELSEWHERE, await self._image(ctx, image_id))

    async def list_for_project(self, ctx: RequestContext, member: str) -> Sequence[Member]:
        """The images shared with a project, as far as the caller may see them."""
        return await self._members.list_for_project(ctx, ELSEWHERE, member)

    async def ensure(self, ctx: RequestContext, image_id: str, member: str) -> None:
        """Adds a member unless the project is one already."""
        await self._members.add(ctx, ELSEWHERE, self._shareable(await self._image(ctx, image_id)), member)

    async def remove(self, ctx: RequestContext, image_id: str, member: str) -> None:
        """Raises MemberNotFound."""
        await self._members.remove(ctx, ELSEWHERE, await self._image(ctx, image_id), member)

    async def replace_all(self, ctx: RequestContext, image_id: str, wanted: Sequence[str]) -> None:
        """These are members and no others: one request, so that it is all of them or none."""
        image = await self._image(ctx, image_id)
        if wanted:
            image = self._shareable(image)
        rows = await self._members.list_for_image(ctx, ELSEWHERE, image)
        if not is_admin(ctx) and image.owner != ctx.project_id:
            raise NotOwner
        if image.visibility != "shared" and (wanted or rows):
            raise NotShared
        for rule, needed in (("delete_member", rows), ("add_member", wanted)):
            if needed:
                self._policy.require(ctx, rule, target_of(image, ctx.project_id), ImageForbidden)
        await self._registry.replace_members(ctx, image_id, wanted)

    async def _image(self, ctx: RequestContext, image_id: str) -> Image:
        image = await self._images.get(ctx, ELSEWHERE, image_id)
        if image.deleted:
            raise ImageNotFound(image_id=image_id)
        return image

    def _shareable(self, image: Image) -> Image:
        if image.visibility != "private" or not self._private_are_shared:
            return image
        return replace(image, visibility="shared")
