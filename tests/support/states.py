"""What a cloud consists of, to be compared with what it was."""

from stackwire.cloud.states import copying
from stackwire.db.schema_copy import Content
from support.cloud import TestCloud

OF_PROCESSES = frozenset({"services", "compute_nodes", "leases", "outbox"})
"""Tables with rows of processes that go on, with their times."""


async def contents(cloud: TestCloud) -> dict[tuple[str, str], Content]:
    """Every table of every schema that is not of processes."""
    found: dict[tuple[str, str], Content] = {}
    for service, rows in copying.schemas(cloud.cloud).items():
        found |= {(service, table): content for table, content in (await rows.contents()).items()}
    return {key: content for key, content in found.items() if key[1] not in OF_PROCESSES}
