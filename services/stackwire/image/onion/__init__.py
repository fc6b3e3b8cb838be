"""The onion: what is checked and done around an image, layer by layer. Source: ``glance/gateway.py``.

Each noun's tuple is the order of its layers, outermost first: authorization, property protection, notifier, policy,
quota, location, database. A noun leaves out the layers that have nothing to do with it.
"""

from stackwire.image.onion.authorization import (
    DataAuthorization,
    ImageAuthorization,
    LocationAuthorization,
    MemberAuthorization,
    TaskAuthorization,
)
from stackwire.image.onion.database import ImageDatabase, MemberDatabase
from stackwire.image.onion.database_data import DataDatabase, LocationDatabase
from stackwire.image.onion.database_tasks import TaskDatabase
from stackwire.image.onion.location import DataLocation, ImageLocation, TaskLocation
from stackwire.image.onion.notifier import DataNotifier, ImageNotifier, LocationNotifier, MemberNotifier, TaskNotifier
from stackwire.image.onion.policy import DataPolicy, ImagePolicy, LocationPolicy, MemberPolicy, TaskPolicy
from stackwire.image.onion.property_protection import ImagePropertyProtection
from stackwire.image.onion.quota import DataQuota, ImageQuota, LocationQuota, MemberQuota, TaskQuota

IMAGES = (
    ImageAuthorization,
    ImagePropertyProtection,
    ImageNotifier,
    ImagePolicy,
    ImageQuota,
    ImageLocation,
    ImageDatabase,
)
DATA = (DataAuthorization, DataNotifier, DataPolicy, DataQuota, DataLocation, DataDatabase)
MEMBERS = (MemberAuthorization, MemberNotifier, MemberPolicy, MemberQuota, MemberDatabase)
LOCATIONS = (LocationAuthorization, LocationNotifier, LocationPolicy, LocationQuota, LocationDatabase)
TASKS = (TaskAuthorization, TaskNotifier, TaskPolicy, TaskQuota, TaskLocation, TaskDatabase)
