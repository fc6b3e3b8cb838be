"""What the routes of the admin port work with."""

from dataclasses import dataclass
from pathlib import Path

from stackwire.cloud.cloud import Cloud
from stackwire.cloud.states.states import States
from stackwire.core.faults import FaultRules


@dataclass(frozen=True, slots=True, kw_only=True)
class AdminDeps:
    """``faults``: the rules; ``cloud``: the services in this process; ``states``: what it can go back to;
    ``database_url``: of a user who may do everything in the cloud's database; ``data_dir``: the folder of the cloud."""

    faults: FaultRules
    cloud: Cloud
    states: States
    database_url: str
    data_dir: Path
