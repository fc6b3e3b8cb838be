"""``python -m stackwire.volume``: the volume service as a process of its own."""

from stackwire.runtime.main import main
from stackwire.volume.app import build
from stackwire.volume.settings import VolumeSettings

if __name__ == "__main__":
    main("volume", VolumeSettings, build)
