"""What tests of a user import: the cloud of the pytest plugin, and assertions on its messages and property lineage.

def test_a_property_survives(stackwire_cloud: SubprocessCloud) -> None:
    server = stackwire_cloud.connection().create_server(...)
    assert stackwire_cloud.trace.lineage(server.id).kept("hw_disk_bus")

Names that are not exported here may change in any release.
"""

from stackwire.cloud.subprocess_cloud import SubprocessCloud
from stackwire.cloud.trace_assertions import Answer, Lineage, Story, Trace

__all__ = ["Answer", "Lineage", "Story", "SubprocessCloud", "Trace"]
