"""The onion: what minds an image, layer by layer, in the order of this tuple. Source: ``glance/gateway.py``."""

from stackwire.image.onion.authorization import Authorization
from stackwire.image.onion.database import Database
from stackwire.image.onion.location import Location
from stackwire.image.onion.notifier import Notifier
from stackwire.image.onion.policy import Policy
from stackwire.image.onion.property_protection import PropertyProtection
from stackwire.image.onion.quota import Quota

LAYERS = (Authorization, PropertyProtection, Notifier, Policy, Quota, Location, Database)
"""Outermost first."""
