"""The onion put together: each layer around the next."""

import socket
from collections.abc import Callable

from stackwire.core.clock import Clock
from stackwire.core.policy import Policy
from stackwire.image.backends.certificates import Certificates
from stackwire.image.backends.staging import Staging
from stackwire.image.backends.stores import Stores
from stackwire.image.domain import protection
from stackwire.image.domain.events import Voice
from stackwire.image.onion import LAYERS
from stackwire.image.onion.authorization import Authorization
from stackwire.image.onion.cached import Cached
from stackwire.image.onion.call_trace import Walks
from stackwire.image.onion.database import Database as Innermost
from stackwire.image.onion.location import Location
from stackwire.image.onion.notifier import Notifier
from stackwire.image.onion.policy import Policy as PolicyLayer
from stackwire.image.onion.port import Images
from stackwire.image.onion.property_protection import PropertyProtection
from stackwire.image.onion.quota import Quota
from stackwire.image.settings import ImageSettings


def layers(
    settings: ImageSettings,
    policy: Policy,
    store: Stores,
    staging: Staging,
    rules: protection.Protection | None,
    clock: Clock,
    walks: Walks | None = None,
) -> Images:
    """The onion, from the inside out, in the order its tuple says; with ``walks`` each layer is watched."""
    voice = Voice(f"image.{socket.gethostname()}")
    inmost = Innermost(delayed=settings.delayed_delete)
    certificates = Certificates(settings.certificate_dir, settings.barbican_url)
    made: dict[type, Callable[[Images], Images]] = {
        Authorization: Authorization,
        PropertyProtection: lambda inner: PropertyProtection(inner, rules, policy),
        Notifier: lambda inner: Notifier(inner, voice, store.default),
        PolicyLayer: lambda inner: PolicyLayer(inner, policy),
        Quota: lambda inner: Quota(inner, settings.limits),
        Location: lambda inner: Location(
            inner, store, staging, certificates, clock, match=settings.require_image_format_match
        ),
    }
    made[Innermost] = lambda _: Cached(inmost) if settings.image_cache else inmost
    images: Images = inmost
    for layer in reversed(LAYERS):
        images = made[layer](images)
        if walks is not None:
            images = walks.watched(images)
    return images
