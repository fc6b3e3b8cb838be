"""``python -m stackwire.identity``: identity as a process of its own."""

from stackwire.identity.app import build
from stackwire.identity.settings import IdentitySettings
from stackwire.runtime.main import main

if __name__ == "__main__":
    main("identity", IdentitySettings, build)
