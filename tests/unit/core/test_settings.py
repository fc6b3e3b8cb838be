"""Settings that were renamed: the old environment variable is still read, with a warning."""

import pytest

from stackwire.compute.settings import ComputeSettings

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
