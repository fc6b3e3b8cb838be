"""Settings: renamed ones, misspelt ones, and secrets that everybody knows."""

from typing import Any

import pytest

from stackwire.compute.settings import ComputeSettings
from stackwire.core.settings import ServiceSettings, unknown_variables
from stackwire.image.settings import ImageSettings

OLD, NEW = "STACKWIRE_COMPUTE_SILENCE_SECONDS", "STACKWIRE_COMPUTE_CALL_MONITOR_TIMEOUT_SECONDS"


@pytest.mark.parametrize("old", [OLD, "STACKWIRE_SILENCE_SECONDS"])
def test_the_old_name_of_a_setting_is_read_with_a_warning(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, old: str
) -> None:
    monkeypatch.setenv(old, "3")
    assert ComputeSettings().call_monitor_timeout_seconds == 3
    assert f"{old} is deprecated" in caplog.text


def test_the_new_name_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(OLD, "3")
    monkeypatch.setenv(NEW, "4")
    assert ComputeSettings().call_monitor_timeout_seconds == 4


LOOPBACKS = ["127.0.0.1", "127.0.0.9", "::1", "localhost"]
OWN = {"token_key": "f" * 64, "amqp_url": "amqp://me:mine@bus/", "database_url": "postgresql://image:mine@db/x"}
COMPOSE = "only-good-enough-for-the-loopback-address"


@pytest.mark.parametrize("host", LOOPBACKS)
def test_public_secrets_are_good_enough_for_the_loopback_address(host: str) -> None:
    assert not ServiceSettings(host=host, token_key=COMPOSE).is_exposed
    assert not ServiceSettings(host="0.0.0.0", published_address=host, token_key=COMPOSE).is_exposed


@pytest.mark.parametrize(
    "public",
    [
        {"token_key": COMPOSE},
        {"keystone_password": "secret"},
        {"cinder_store_password": "secret"},
        {"amqp_url": "amqp://stackwire:stackwire@bus/"},
        {"database_url": "postgresql://image:stackwire@db/x"},
    ],
)
@pytest.mark.parametrize(
    "where", [{"host": "0.0.0.0"}, {"host": ""}, {"host": "::"}, {"published_address": "192.0.2.7"}]
)
def test_public_secrets_are_refused_elsewhere_by_the_name_of_the_setting(
    public: dict[str, Any], where: dict[str, Any]
) -> None:
    (name,) = public
    with pytest.raises(ValueError, match=f"STACKWIRE_{name.upper()} has a public default"):
        ImageSettings(**{**OWN, **public, **where})
    assert ImageSettings(**{**OWN, **where}).is_exposed


def test_variables_that_are_no_settings_are_found() -> None:
    kinds = {"compute": ComputeSettings, "image": ImageSettings}
    settings = ["STACKWIRE_TOKEN_KEY", "STACKWIRE_COMPUTE_IMAGE_API", "STACKWIRE_IMAGE_PUBLIC_URL", OLD, "PATH"]
    misspelt = ["STACKWIRE_COMPUTE_IMAGEAPI", "STACKWIRE_TOKENKEY"]
    assert unknown_variables(kinds, dict.fromkeys([*settings, *misspelt], "")) == misspelt
