"""What must never be shown is not."""

import pytest

from stackwire.trace.domain.redact import redacted

SECRETS = [
    {"_context_auth_token": "gAAAAABm" + "x" * 80},
    {"auth": {"password": "SECRET-1"}},
    {"admin_password": "SECRET-1", "adminPass": "SECRET-1", "new_pass": "SECRET-1"},
    {"block_device_mapping": [{"connection_info": '{"auth_password": "SECRET-1"}'}]},
    {"connector": '{"host": "h", "auth_password": "SECRET-1"}', "in": '[[{"token": "SECRET-1"}]]'},
    {"data": {"auth_username": "u", "auth_password": "SECRET-1"}},
    {"user_data": "SECRET-1"},
    {"url": "amqp://user:SECRET-1@host:5672/"},
    {"text": "asked with eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJTRUNSRVQtMSJ9.c2lnbmF0dXJl as the token"},
    {"pci_requests": {"_context": {"auth_token": "SECRET-1"}}},
]


@pytest.mark.parametrize("payload", SECRETS)
def test_a_secret_is_hidden_wherever_it_is(payload: dict[str, object]) -> None:
    shown = str(redacted(payload))
    assert "SECRET-1" not in shown
    assert "gAAAA" not in shown
    assert "eyJ" not in shown
    assert "***" in shown


def test_values_that_are_no_secrets_stay_as_they_are() -> None:
    payload = {"hw_disk_bus": "scsi", "size": 1, "none": None, "list": [1, "ü"], "password": None, "tokens": 3}
    assert redacted(payload) == payload


def test_deeply_nested_values_are_hidden() -> None:
    deep: dict[str, object] = {"bottom": "x"}
    for _ in range(5_000):
        deep = {"d": deep}
    assert "bottom" not in str(redacted(deep))


def test_a_consoles_token_is_hidden() -> None:
    token = "0f6c1a52-6f0e-4d5c-8a55-0d6d5d0c8f11"
    for text in (f"http://h:6080/vnc_auto.html?path=%3Ftoken%3D{token}", f"ws://h:6083/?token={token}"):
        assert token not in redacted(text)
    assert redacted(f"/v2.1/os-console-auth-tokens/{token}") == "/v2.1/os-console-auth-tokens/***"
