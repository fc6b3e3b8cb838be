"""Versions, namespaces, names and arguments."""

import pytest

from stackwire.contracts.base import Call, Endpoint, Target
from stackwire.core.context import RequestContext
from stackwire.messaging.dispatch import Dispatcher, compatible
from stackwire.messaging.errors import NoSuchMethod, UnsupportedVersion


class Old(Call[int], target=Target("x", "t", version="1.2"), method="old"):
    number: int


class New(Call[int], target=Target("x", "t", version="1.5"), method="new"):
    number: int = 0


class Spaced(Call[int], target=Target("x", "t", namespace="space", version="2.0"), method="new"):
    pass


async def answer(ctx: RequestContext, message: object) -> int:
    return 1


TABLE: list[Endpoint] = [Old.served_by(answer), New.served_by(answer), Spaced.served_by(answer)]


@pytest.mark.parametrize(
    ("implemented", "requested", "fits"),
    [
        ("1.0", "1.0", True),
        ("1.5", "1.0", True),
        ("1.5", "1.6", False),
        ("1.5", "2.0", False),
        ("2.0", "1.9", False),
        ("1.5", "1.5.1", False),
        ("1.5.2", "1.5.1", True),
        ("1.5", "1.4.9", True),
        ("1.10", "1.9", True),
    ],
)
def test_versions_fit_as_in_the_originals(implemented: str, requested: str, fits: bool) -> None:
    assert compatible(implemented, requested) is fits


@pytest.mark.parametrize(("version", "error"), [("1", IndexError), ("junk", ValueError), ("", ValueError)])
def test_a_version_that_is_none_is_the_originals_error(version: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        Dispatcher(Target("x", "t"), TABLE).find(None, version, "old")


@pytest.mark.parametrize(
    ("namespace", "version", "method", "found"),
    [
        (None, "1.0", "old", Old),
        (None, "1.5", "old", Old),
        (None, "1.5", "new", New),
        ("space", "2.0", "new", Spaced),
        (None, "1.6", "old", UnsupportedVersion),
        (None, "2.0", "new", UnsupportedVersion),
        ("space", "1.0", "new", UnsupportedVersion),
        ("other", "1.0", "new", UnsupportedVersion),
        (None, None, "new", UnsupportedVersion),
        (None, "1.0", "nothing", NoSuchMethod),
        (None, "1.0", "__init__", NoSuchMethod),
        ("space", "2.0", "old", NoSuchMethod),
        (None, "1.0", None, TypeError),
    ],
)
def test_the_table_decides(namespace: str | None, version: str | None, method: str | None, found: type) -> None:
    dispatcher = Dispatcher(Target("x", "t"), TABLE)
    if issubclass(found, Exception):
        with pytest.raises(found):
            dispatcher.find(namespace, version, method)
    else:
        assert dispatcher.find(namespace, version, method).endpoint.message is found


@pytest.mark.parametrize("args", [{}, {"number": "hush"}, {"number": 1, "more": "hush"}])
def test_wrong_arguments_are_reported_without_their_values(args: dict[str, object]) -> None:
    route = Dispatcher(Target("x", "t"), TABLE).find(None, "1.2", "old")
    with pytest.raises(TypeError) as caught:
        route.read(args)
    assert "hush" not in str(caught.value)
