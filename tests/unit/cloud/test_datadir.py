"""The folder of a cloud."""

from pathlib import Path

import pytest
import yaml

from stackwire.cloud.datadir import DataDir, DataDirError


def test_only_one_cloud_runs_in_a_folder(tmp_path: Path) -> None:
    first, second = DataDir(tmp_path), DataDir(tmp_path)
    first.take()
    assert second.is_taken()
    with pytest.raises(DataDirError, match="runs in"):
        second.take()
    first.release()
    assert not second.is_taken()
    second.take()
    second.release()


def test_clouds_yaml_names_three_users(tmp_path: Path) -> None:
    directory = DataDir(tmp_path)
    directory.write_client_files("http://127.0.0.1:5000", "RegionOne")
    clouds = yaml.safe_load(directory.clouds_yaml.read_text())["clouds"]
    assert {name: (cloud["auth"]["username"], cloud["auth"]["project_name"]) for name, cloud in clouds.items()} == {
        "stackwire": ("demo", "demo"),
        "stackwire-admin": ("admin", "admin"),
        "stackwire-alt": ("alt", "alt"),
    }
    assert {cloud["floating_ip_source"] for cloud in clouds.values()} == {"None"}
    assert clouds["stackwire"]["auth"]["auth_url"] == "http://127.0.0.1:5000/v3"
    assert "export OS_AUTH_URL=http://127.0.0.1:5000/v3\n" in directory.openrc.read_text()


@pytest.mark.parametrize("text", ["", "{", "[1]"])
def test_a_state_that_cannot_be_read_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "cloud.json").write_text(text)
    assert DataDir(tmp_path).state() is None


def test_a_key_that_was_cut_short_is_made_anew(tmp_path: Path) -> None:
    (tmp_path / "token.key").write_text("half")
    assert len(DataDir(tmp_path).token_key()) >= 32
