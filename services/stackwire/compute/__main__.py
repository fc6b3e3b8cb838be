"""``python -m stackwire.compute``: the compute service as a process of its own."""

from stackwire.compute.app import build
from stackwire.compute.settings import ComputeSettings
from stackwire.runtime.main import main

if __name__ == "__main__":
    main("compute", ComputeSettings, build)
