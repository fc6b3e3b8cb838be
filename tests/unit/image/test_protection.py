"""Property protection files."""

import pytest

from stackwire.image.domain.image import Image, difference
from stackwire.image.domain.protection import InvalidProtection, forbidden_changes, read

RULES = """
[^x_billing_]
create = admin
read = admin, billing
update = Billing
delete = admin, !

[^x_open$]
create = @
read = @
update = @
delete = @

[.*]
create = member
read = member
update = member
delete = member
"""


def never(rule: str) -> bool:
    return False


@pytest.mark.parametrize(
    ("roles", "verb", "name", "may"),
    [
        (["admin"], "create", "x_billing_code", True),
        (["member"], "create", "x_billing_code", False),
        (["billing"], "read", "x_billing_code", True),
        (["BILLING"], "update", "x_billing_code", True),
        (["admin"], "delete", "x_billing_code", False),
        ([], "delete", "x_open", True),
        (["member"], "update", "anything", True),
        (["reader"], "update", "anything", False),
        ([], "read", "os_glance_import_task", True),
        (["member"], "create", "my_x_billing_code", True),
    ],
)
def test_the_first_section_that_matches_decides(roles: list[str], verb: str, name: str, may: bool) -> None:
    assert read(RULES).allows(roles, verb, name, never) is may


def test_a_name_no_section_matches_is_nobodys() -> None:
    rules = read("[^a$]\ncreate = @\nread = @\nupdate = @\ndelete = @\n")
    assert not rules.allows(["admin"], "read", "b", never)


def test_a_cell_may_name_a_policy() -> None:
    rules = read("[.*]\ncreate = context_is_admin\nread = @\nupdate = !\ndelete =\n", by_policy=True)
    assert rules.allows([], "create", "a", lambda rule: rule == "context_is_admin")
    assert not rules.allows(["context_is_admin"], "create", "a", never)
    assert not rules.allows([], "update", "a", lambda rule: True)
    assert not rules.allows([], "delete", "a", lambda rule: True)


@pytest.mark.parametrize(
    "text",
    [
        "[a]\ncreate = @\nread = @\nupdate = @\n",
        "[a]\ncreate = @, !\nread = @\nupdate = @\ndelete = @\n",
        "[(]\ncreate = @\nread = @\nupdate = @\ndelete = @\n",
        "no section",
    ],
)
def test_a_file_that_leaves_something_open_is_refused(text: str) -> None:
    with pytest.raises(InvalidProtection):
        read(text)


def test_a_change_is_judged_property_by_property() -> None:
    before = Image(id="i", properties={"kept": "1", "changed": "1", "gone": "1"})
    after = Image(id="i", properties={"kept": "1", "changed": "2", "new": "1"})
    asked: list[tuple[str, str]] = []

    def may(verb: str, name: str) -> bool:
        asked.append((verb, name))
        return False

    assert forbidden_changes(may, before, difference(before, after)) == ["new", "changed", "gone"]
    assert asked == [("create", "new"), ("update", "changed"), ("delete", "gone")]
