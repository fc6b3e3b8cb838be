"""The secrets of identity that tools log in with: application credentials, trusts, EC2 keys, credentials of any type.

Each is made, used, used wrongly, listed, and sent in bodies that are refused.
"""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Protocol

from keystoneclient.contrib.ec2.utils import Ec2Signer

from support.cloud import Answer

APP_SECRET, OTHER_SECRET, BLOB, KEY, CHANGED_BLOB = (
    f"canary-{word}-Kq7" for word in ("appcred", "appcred2", "blob", "ec2", "blob2")
)
PLANTED = frozenset({APP_SECRET, OTHER_SECRET, BLOB, KEY, CHANGED_BLOB})
TOKENS, TRUSTS, CREDENTIALS = "/v3/auth/tokens", "/v3/OS-TRUST/trusts", "/v3/credentials"
Request = tuple[str, str, Any]


class Listener(Protocol):
    """A client whose answers are looked into, unless they are ``own``: those in which a secret is given on purpose."""

    token: str
    project_id: str

    async def request(self, method: str, service: str, path: str, *, own: bool = False, **kwargs: Any) -> Answer: ...


def login(method: str, data: Any, scope: Any = None) -> dict[str, Any]:
    auth: dict[str, Any] = {"identity": {"methods": [method], method: data}}
    return {"auth": auth if scope is None else {**auth, "scope": scope}}


def signed(access: str, secret: str, **changes: Any) -> dict[str, Any]:
    """What an EC2 client's request looks like to identity."""
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    params = {"AWSAccessKeyId": access, "SignatureVersion": "2", "Timestamp": now}
    request = {"verb": "GET", "host": "h", "path": "/", "params": params, "access": access}
    request["signature"] = Ec2Signer(secret).generate(json.loads(json.dumps(request)))
    return {"credentials": {**request, **changes}}


async def delegated(singer: Listener, admin: Listener, user: str, trustee: str, password: str) -> set[str]:
    """All of that, by a user, an administrator and one who is trusted. The secrets that identity made of it."""
    home, keys = f"/v3/users/{user}/application_credentials", f"/v3/users/{user}/credentials/OS-EC2"
    told: set[str] = set()

    async def ask(who: Listener, request: Request, *statuses: int, own: bool = False) -> Answer:
        method, path, body = request
        return (await who.request(method, "identity", path, json=body, own=own)).ok(*statuses)

    async def logged_in(body: Any) -> None:
        told.add((await ask(singer, ("POST", TOKENS, body), 201, own=True)).headers["X-Subject-Token"])

    given = {"application_credential": {"name": "given", "secret": APP_SECRET}}
    credential = (await ask(singer, ("POST", home, given), 201, own=True)).json["application_credential"]
    made = await ask(singer, ("POST", home, {"application_credential": {"name": "made"}}), 201, own=True)
    told.add(made.json["application_credential"]["secret"])
    await logged_in(login("application_credential", {"id": credential["id"], "secret": APP_SECRET}))
    trust = {"trustor_user_id": user, "trustee_user_id": trustee, "impersonation": True}
    trust |= {"project_id": singer.project_id, "roles": [{"name": "member"}]}
    trusted = (await ask(singer, ("POST", TRUSTS, {"trust": trust}), 201)).json["trust"]
    scope = {"OS-TRUST:trust": {"id": trusted["id"]}}
    await logged_in(login("password", {"user": {"id": trustee, "password": password}}, scope))
    key = (await ask(singer, ("POST", keys, {"tenant_id": singer.project_id}), 201, own=True)).json["credential"]
    told.add(key["secret"])
    answer = await ask(admin, ("POST", "/v3/ec2tokens", signed(key["access"], key["secret"])), 200, own=True)
    told.add(answer.headers["X-Subject-Token"])
    blob = {"credential": {"type": "cert", "blob": BLOB, "user_id": user}}
    kept = (await ask(singer, ("POST", CREDENTIALS, blob), 201, own=True)).json["credential"]["id"]
    changed = {"credential": {"blob": CHANGED_BLOB}}
    await ask(singer, ("PATCH", f"{CREDENTIALS}/{kept}", changed), 200, own=True)
    for path in (home, f"{home}/{credential['id']}", f"{TRUSTS}?trustor_user_id={user}", f"{TRUSTS}/{trusted['id']}"):
        await ask(singer, ("GET", path, None), 200)
    for request in refused(user, credential["id"], key["access"]):
        await ask(admin if "ec2tokens" in request[1] else singer, request, 400, 401, 403, 404, 409)
    for path in (f"{home}/{credential['id']}", f"{keys}/{key['access']}", f"{CREDENTIALS}/{kept}"):
        await ask(singer, ("DELETE", path, None), 204)
    return told


def refused(user: str, credential: str, access: str) -> Sequence[Request]:
    """Requests with secrets in them that cannot be granted."""
    home, keys = f"/v3/users/{user}/application_credentials", "/v3/ec2tokens"
    return [
        ("POST", home, {"application_credential": {"name": "given", "secret": OTHER_SECRET}}),
        ("POST", home, {"application_credential": {"name": "x", "secret": {"a": OTHER_SECRET}}}),
        ("POST", home, {"application_credential": {"name": ["x"], "secret": OTHER_SECRET, "roles": OTHER_SECRET}}),
        (
            "POST",
            home,
            {"application_credential": {"name": "x", "secret": OTHER_SECRET, "access_rules": [OTHER_SECRET]}},
        ),
        ("POST", TOKENS, login("application_credential", {"id": credential, "secret": OTHER_SECRET})),
        ("POST", TOKENS, login("application_credential", {"id": "none", "secret": OTHER_SECRET})),
        ("POST", TOKENS, login("application_credential", {"id": credential, "secret": {"a": OTHER_SECRET}})),
        ("POST", TOKENS, login("application_credential", {"name": "given", "secret": OTHER_SECRET})),
        ("POST", keys, signed(access, KEY)),
        ("POST", keys, signed(access, KEY, signature={"a": KEY})),
        ("POST", keys, signed("none", KEY)),
        ("POST", CREDENTIALS, {"credential": {"type": "ec2", "user_id": user, "blob": f'{{"secret": "{KEY}"'}}),
        ("POST", CREDENTIALS, {"credential": {"type": "cert", "user_id": "other", "blob": BLOB}}),
        ("POST", CREDENTIALS, {"credential": {"type": "cert", "user_id": user, "blob": {"a": BLOB}}}),
    ]


def all_with_secrets(user: str, project: str) -> Sequence[Request]:
    """Each kind of request that has a secret in it, as it would be granted."""
    return [
        *refused(user, "none", "none"),
        (
            "POST",
            f"/v3/users/{user}/application_credentials",
            {"application_credential": {"name": "n", "secret": APP_SECRET}},
        ),
        ("POST", TOKENS, login("application_credential", {"id": "some", "secret": APP_SECRET})),
        (
            "POST",
            TOKENS,
            login("password", {"user": {"id": user, "password": APP_SECRET}}, {"project": {"id": project}}),
        ),
        ("POST", "/v3/ec2tokens", signed("some", KEY)),
        ("POST", CREDENTIALS, {"credential": {"type": "cert", "blob": BLOB, "user_id": user}}),
        ("POST", "/v3/users", {"user": {"name": "n", "password": APP_SECRET}}),
        ("POST", f"/v3/users/{user}/password", {"user": {"password": APP_SECRET, "original_password": OTHER_SECRET}}),
        ("PATCH", f"/v3/users/{user}", {"user": {"password": APP_SECRET}}),
    ]
