"""The onion: what is checked and done around an image, layer by layer. Source: ``glance/gateway.py``.

Each noun's tuple is the order of its layers, outermost first: authorization, property protection, notifier, policy,
quota, location, database. A noun leaves out the layers that have nothing to do with it.

In the releases that have glance-registry the v1 API has the registry layer innermost (v2 where ``data_api`` says so),
and those that write rows are in the registry, which checks whose image it is once more: it does not trust its callers
further than it must.
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
from stackwire.image.onion.quota import DataAllowance, DataQuota, ImageQuota, LocationQuota, MemberQuota, TaskQuota
from stackwire.image.onion.registry import (
    DataRegistry,
    DataRegistryV2,
    ImageRegistry,
    ImageRegistryV2,
    MemberRegistry,
    MemberRegistryV2,
)

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

V1_IMAGES = (ImageAuthorization, ImagePropertyProtection, ImagePolicy, ImageLocation, ImageRegistry)
V1_DATA = (DataAuthorization, DataPolicy, DataAllowance, DataLocation, DataRegistry)
V1_MEMBERS = (MemberAuthorization, MemberPolicy, MemberRegistry)

V2_IMAGES = (*V1_IMAGES[:-1], ImageRegistryV2)
V2_DATA = (*V1_DATA[:-1], DataRegistryV2)
V2_MEMBERS = (*V1_MEMBERS[:-1], MemberRegistryV2)

REGISTRY_IMAGES = (ImageAuthorization, ImageNotifier, ImageQuota, ImageDatabase)
REGISTRY_DATA = (DataAuthorization, DataNotifier, DataQuota, DataDatabase)
REGISTRY_MEMBERS = (MemberAuthorization, MemberNotifier, MemberQuota, MemberDatabase)
