import subprocess
import sys
from pathlib import Path

import pytest

from stackwire.core.context import RequestContext
from stackwire.core.errors import Forbidden
from stackwire.core.policy import Policy

DEFAULTS = {
    "get": "role:reader and project_id:%(owner)s or 'public':%(visibility)s",
    "publish": "role:admin",
    "locate": "service_roles:service",
}
READER = RequestContext(user_id="u", project_id="p", roles=("reader",))
ADMIN = RequestContext(user_id="a", project_id="q", roles=("admin",), is_admin=True)

TABLE = [
    (READER, "get", {"owner": "p", "visibility": "private"}, True),
    (READER, "get", {"owner": "q", "visibility": "private"}, False),
    (READER, "get", {"owner": "q", "visibility": "public"}, True),
    (READER, "publish", {}, False),
    (ADMIN, "publish", {}, True),
    (ADMIN, "locate", {}, False),
    (ADMIN.as_service(), "locate", {}, True),
]


@pytest.mark.parametrize(("ctx", "rule", "target", "allowed"), TABLE)
def test_a_default_rule_decides(ctx: RequestContext, rule: str, target: dict[str, str], allowed: bool):
    policy = Policy("image", DEFAULTS)
    assert policy.allows(ctx, rule, target) is allowed
    assert policy.allows(ctx, rule, target) is allowed, "the remembered decision is the same"


def test_an_operator_s_file_overrides_the_default(tmp_path: Path):
    file = tmp_path / "policy.yaml"
    file.write_text('"publish": "role:reader"\n')
    assert Policy("image", DEFAULTS, file).allows(READER, "publish")


def test_what_is_not_allowed_raises_the_error_asked_for():
    with pytest.raises(Forbidden, match="publish"):
        Policy("image", DEFAULTS).require(READER, "publish")


def test_an_operators_file_may_ask_over_http_and_defaults_look_for_nothing_of_the_kind(tmp_path: Path) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text('"image:get": "http://127.0.0.1:1/%(project_id)s"\n')
    program = "import sys; from stackwire.core.policy import Policy\n"
    program += "Policy('glance', {'a': 'role:admin or project_id:%(project_id)s'}); print('requests' in sys.modules)"
    program += f"\nfrom pathlib import Path; rules = Policy('glance', {{}}, Path({str(file)!r}))._enforcer.rules"
    program += "\nprint(type(rules['image:get']).__name__)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["False", "HttpCheck"], done.stderr
