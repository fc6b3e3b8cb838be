"""Password hashes."""

from stackwire.identity.backends.passwords import Passwords


async def test_a_password_matches_its_own_hash_only() -> None:
    passwords = Passwords()
    known = await passwords.hashed("größe ⛁")
    assert "größe" not in known
    assert await passwords.matches("größe ⛁", known)
    assert await Passwords().matches("größe ⛁", known)
    assert not await passwords.matches("größe", known)
    assert not await passwords.matches("", known)


async def test_two_hashes_of_one_password_differ() -> None:
    passwords = Passwords()
    assert await passwords.hashed("secret") != await passwords.hashed("secret")


async def test_an_unknown_user_matches_no_password() -> None:
    assert not await Passwords().matches("secret", None)


async def test_seed_accounts_share_hashes() -> None:
    passwords = Passwords()
    assert await passwords.hashed_seed("secret") == await passwords.hashed_seed("secret")
    assert await passwords.hashed_seed("secret") != await passwords.hashed_seed("other")


async def test_verified_passwords_are_cached_within_bounds() -> None:
    passwords = Passwords(cache_size=1)
    first, second = await passwords.hashed("a"), await passwords.hashed("b")
    assert await passwords.matches("a", first)
    assert await passwords.matches("b", second)
    assert not await passwords.matches("b", first)
