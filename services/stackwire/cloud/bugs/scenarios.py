"""The museum: every old bug of property travel that can be switched on."""

from stackwire.cloud.bugs import image_scenarios, server_scenarios, volume_scenarios
from stackwire.cloud.bugs.scenario import SCENARIOS, Scenario

__all__ = ["SCENARIOS", "Scenario", "image_scenarios", "server_scenarios", "volume_scenarios"]
