"""What every layer is made of: the layer inside it, and what all layers share."""

from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from stackwire.core.clock import Clock
from stackwire.core.policy import Policy
from stackwire.db.leases import Leases
from stackwire.disk_image.certificates import Certificates
from stackwire.image.backends.registry import RegistryClient
from stackwire.image.backends.staging import Staging
from stackwire.image.backends.stores import Stores
from stackwire.image.domain.notifications import NotificationBuilder
from stackwire.image.domain.protection import Protection
from stackwire.image.domain.quota import Limits

P = TypeVar("P")


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerDeps:
    """``require_format_match``: content must be of the declared format (``image_format.require_image_format_match``).

    ``delayed_delete``: an image with data is only marked deleted (``flows/worker/scrub.py``). ``image_cache``: images
    are cached on nodes, and a deleted image leaves their caches. ``protection``: None where every property is free.
    ``registry``: where the v1 API's rows are; None in releases that have no glance-registry, and in itself.
    """

    policy: Policy
    protection: Protection | None
    notifications: NotificationBuilder
    limits: Limits
    stores: Stores
    staging: Staging
    certificates: Certificates
    clock: Clock
    leases: Leases
    require_format_match: bool
    delayed_delete: bool
    image_cache: bool
    registry: RegistryClient | None = None


def verbs(port: type) -> tuple[str, ...]:
    """The verbs of a port or of a layer of it, in the port's order."""
    (protocol,) = (base for base in port.__mro__ if _is_port(base))
    return tuple(name for name in vars(protocol) if not name.startswith("_"))


def _is_port(candidate: type) -> bool:
    return bool(vars(candidate).get("_is_protocol")) and candidate is not Protocol


class Layer(Generic[P]):
    """A layer of the port ``P``: ``class ImageQuota(Layer[Images], Images)`` overrides the verbs it has to do with.

    Every other verb is the inner layer's own bound method: passing on costs nothing.
    """

    def __init__(self, inner: P, deps: LayerDeps) -> None:
        self.inner = inner
        self.deps = deps
        for verb in verbs(type(self)):
            if not self._overrides(verb):
                setattr(self, verb, getattr(inner, verb))

    @classmethod
    def _overrides(cls, verb: str) -> bool:
        owner: Any = next(base for base in cls.__mro__ if verb in vars(base))
        return not _is_port(owner)
