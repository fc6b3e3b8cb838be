import pytest

from stackwire.core import errors
from stackwire.core.errors import REGISTRY, NotFound, ServiceError


class LostProperty(NotFound, wire="tests.LostProperty"):
    """Property {name} of {image} was lost."""


def test_the_docstring_formatted_with_the_facts_is_the_message():
    assert LostProperty(name="hw_disk_bus", image="i-1").message == "Property hw_disk_bus of i-1 was lost."


def test_a_missing_fact_does_not_fail_the_error_itself():
    assert LostProperty(name="hw_disk_bus").message == "Property hw_disk_bus of <image> was lost."


def test_an_own_message_wins_over_the_docstring():
    assert LostProperty("gone", name="x").message == "gone"


def test_an_error_is_known_by_its_wire_name():
    assert REGISTRY["tests.LostProperty"] is LostProperty


def test_two_errors_may_not_claim_one_wire_name():
    with pytest.raises(TypeError, match=r"tests\.LostProperty"):
        type("Impostor", (ServiceError,), {}, wire="tests.LostProperty")


@pytest.mark.parametrize(
    ("family", "status"),
    [(errors.BadRequest, 400), (errors.Forbidden, 403), (errors.Conflict, 409), (errors.NotSimulated, 501)],
)
def test_a_family_has_its_status(family: type[ServiceError], status: int):
    assert family.status == status
