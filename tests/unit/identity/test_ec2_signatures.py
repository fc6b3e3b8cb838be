"""Signatures as the stock clients make them: keystoneclient's signer, and Amazon's own."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from keystoneclient.contrib.ec2.utils import Ec2Signer

from stackwire.core.errors import Unauthorized
from stackwire.identity.domain.ec2_signatures import AUTH_TTL, check_signature, check_time

SECRET = "e6f7a1b2"
EMPTY_BODY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def a_request(version: str, **changes: Any) -> dict[str, Any]:
    params = {"AWSAccessKeyId": "a", "SignatureVersion": version, "Action": "Describe it"}
    params["Timestamp"] = "2026-11-20T00:00:00Z"
    return {"verb": "GET", "host": "cloud:8773", "path": "/services/Cloud", "params": params, **changes}


def signed(request: Mapping[str, Any], secret: str = SECRET) -> dict[str, Any]:
    return {**request, "signature": Ec2Signer(secret).generate(json.loads(json.dumps(request)))}


@pytest.mark.parametrize("version", ["0", "1", "2"])
def test_the_signature_of_keystoneclient_is_right_with_the_same_secret_only(version: str) -> None:
    check_signature(SECRET, signed(a_request(version)))
    with pytest.raises(Unauthorized):
        check_signature("another", signed(a_request(version)))


def test_the_host_may_have_been_signed_without_its_port() -> None:
    request = signed(a_request("2", host="cloud"))
    check_signature(SECRET, {**request, "host": "cloud:8773"})
    with pytest.raises(Unauthorized):
        check_signature(SECRET, {**request, "host": "elsewhere:8773"})


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_the_fourth_version_is_that_of_botocore(method: str) -> None:
    sent = AWSRequest(method, "http://cloud:8773/services/Cloud", params={"Action": "Describe", "b": "~ /+"})
    SigV4Auth(Credentials("access", SECRET), "ec2", "RegionOne").add_auth(sent)
    authorization = sent.headers["Authorization"]
    request = {
        "verb": method,
        "host": "cloud:8773",
        "path": "/services/Cloud",
        "params": dict(sent.params) if method == "GET" else {},
        "headers": {"Host": "cloud:8773", **dict(sent.headers)},
        "body_hash": EMPTY_BODY,
        "signature": authorization.partition("Signature=")[2],
    }
    if method == "POST":  # whose query botocore signs and Keystone does not look at
        request = {**request, "signature": Ec2Signer(SECRET).generate(json.loads(json.dumps(request)))}
    check_signature(SECRET, request)
    with pytest.raises(Unauthorized):
        check_signature("another", request)
    with pytest.raises(Unauthorized):
        check_signature(SECRET, {**request, "body_hash": "0" * 64})


@pytest.mark.parametrize(
    "request_",
    [
        {},
        {"signature": 1, "host": "h"},
        {"signature": "x", "host": "h"},
        {"signature": "x", "host": "h:x]", "params": []},
        a_request("9", signature="x"),
        {"signature": "x", "host": "h", "headers": {"Authorization": "AWS4-HMAC-SHA256 nothing"}},
        {"signature": "é", "host": "h", "verb": "GET", "path": "/", "params": {"SignatureVersion": "2"}},
    ],
    ids=str,
)  # fmt: skip
def test_what_is_no_signed_request_is_refused(request_: Mapping[str, Any]) -> None:
    with pytest.raises(Unauthorized):
        check_signature(SECRET, request_)


def test_a_request_is_good_for_a_quarter_of_an_hour() -> None:
    signed_at = datetime(2026, 11, 20, tzinfo=UTC)
    for form in ({"params": {"Timestamp": "2026-11-20T00:00:00Z"}}, {"headers": {"X-Amz-Date": "20261120T000000Z"}}):
        check_time(form, signed_at + AUTH_TTL)
        with pytest.raises(Unauthorized):
            check_time(form, signed_at + AUTH_TTL + timedelta(seconds=1))
    check_time({}, signed_at)
    with pytest.raises(Unauthorized):
        check_time({"params": {"Timestamp": "yesterday"}}, signed_at)
