"""Reading a seed file."""

from importlib.resources import files
from pathlib import Path

import pytest

from stackwire.identity.flows.seed import Seed, SeedError

PACKAGED = Path(str(files("stackwire.identity"))) / "identity.toml"


def test_the_packaged_seed_has_the_accounts_everybody_expects() -> None:
    seed = Seed.read(PACKAGED)
    assert {project.name for project in seed.project} == {"admin", "demo", "alt", "service"}
    assert {user.name for user in seed.user} == {"admin", "demo", "alt", "reader", "glance", "cinder", "nova"}
    assert {role.name for role in seed.role} == {"admin", "manager", "member", "reader", "service"}
    assert seed.domain[0].id == "default"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[[user", "is not TOML"),
        ("[[user]]\nname = 'a'", "password"),
        ("[[user]]\nname = 'a'\npassword = 'p'", "no domain named 'Default'"),
        ("[[role]]\nname = 'a'\nimplies = ['b']", "no role named 'b'"),
        ("[[role]]\nname = 'a'\n[[role]]\nname = 'a'", "two of role 'a'"),
        ("[[role]]\nname = 'a'\npower = 9", "power"),
        ("[[project]]\nname = ''", "project.0.name"),
        ("[[domain]]\nname='Default'\n[[user]]\nname='a'\npassword='p'\nroles={x=['y']}", "no project named 'x'"),
    ],
)
def test_a_malformed_seed_is_one_clear_line(tmp_path: Path, text: str, reason: str) -> None:
    file = tmp_path / "seed.toml"
    file.write_text(text)
    with pytest.raises(SeedError) as refused:
        Seed.read(file)
    assert reason in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_missing_seed_is_named(tmp_path: Path) -> None:
    with pytest.raises(SeedError, match=r"nowhere\.toml"):
        Seed.read(tmp_path / "nowhere.toml")
