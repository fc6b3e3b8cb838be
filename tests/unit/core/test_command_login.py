"""Who a command is: as the variables of OpenStack's clients say, or the administrator of a data directory's cloud."""

from pathlib import Path

import pytest

from stackwire.http.command_login import NoLogin, token_of_cloud, token_of_environment


async def test_a_token_in_the_environment_is_taken_as_it_is() -> None:
    assert await token_of_environment({"OS_TOKEN": "t", "OS_USERNAME": "u"}) == "t"


@pytest.mark.parametrize("given", [{}, {"OS_USERNAME": "u", "OS_PASSWORD": "p", "OS_PROJECT_NAME": "p"}])
async def test_without_a_whole_login_it_says_what_is_needed(given: dict[str, str]) -> None:
    with pytest.raises(NoLogin, match="OS_TOKEN, or OS_AUTH_URL"):
        await token_of_environment(given)


@pytest.mark.parametrize("text", [None, "", "clouds: []", "{", "clouds: {stackwire-admin: {auth: {auth_url: x}}}"])
async def test_a_folder_without_a_login_is_none(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / "clouds.yaml").write_text(text)
    with pytest.raises(NoLogin):
        await token_of_cloud(tmp_path)
