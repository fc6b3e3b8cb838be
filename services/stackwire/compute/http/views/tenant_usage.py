"""Usage of servers as the API shows it, and how far its audit has come."""

from datetime import datetime
from typing import Any

from stackwire.compute.domain.tenant_usage import Usage
from stackwire.compute.http.views.links import usage_timestamp


def usage_view(usage: Usage, *, detailed: bool) -> dict[str, Any]:
    """A project's usage; ``detailed``: with its servers."""
    servers = [(server, server.hours(usage.start, usage.stop)) for server in usage.servers]
    view: dict[str, Any] = {
        "tenant_id": usage.project_id,
        "total_local_gb_usage": sum(server.local_gb * hours for server, hours in servers),
        "total_vcpus_usage": sum(server.vcpus * hours for server, hours in servers),
        "total_memory_mb_usage": sum(server.memory_mb * hours for server, hours in servers),
        "total_hours": sum(hours for _, hours in servers),
        "start": usage_timestamp(usage.start),
        "stop": usage_timestamp(usage.stop),
    }
    if detailed:
        view["server_usages"] = [
            {
                "hours": hours,
                "flavor": server.flavor,
                "instance_id": server.uuid,
                "name": server.name,
                "tenant_id": server.project_id,
                "memory_mb": server.memory_mb,
                "local_gb": server.local_gb,
                "vcpus": server.vcpus,
                "started_at": usage_timestamp(server.launched_at),
                "ended_at": usage_timestamp(server.terminated_at),
                "state": server.vm_state if server.terminated_at is None else "terminated",
                "uptime": int(((server.terminated_at or usage.now) - server.launched_at).total_seconds()),
            }
            for server, hours in servers
        ]
    return view


def audit_view(start: datetime, end: datetime, hosts: list[str]) -> dict[str, Any]:
    """The audit of a period that no host has made."""
    done = "ALL" if not hosts else f"0 of {len(hosts)}"
    return {
        "period_beginning": start.strftime("%Y-%m-%d %H:%M:%S"),
        "period_ending": end.strftime("%Y-%m-%d %H:%M:%S"),
        "num_hosts": len(hosts),
        "num_hosts_done": 0,
        "num_hosts_running": 0,
        "num_hosts_not_run": len(hosts),
        "hosts_not_run": hosts,
        "total_instances": 0,
        "total_errors": 0,
        "overall_status": f"{done} hosts done. 0 errors.",
        "log": {},
    }
