"""The signatures of requests to EC2 and S3, versions 0, 1, 2 and 4, as Keystone is asked to check them.

Source: Amazon's "Signature Version 2" and "Signature Version 4"; ``keystoneclient/contrib/ec2/utils.py`` for the fields
of a request: ``verb``, ``host``, ``path``, ``params``, ``headers``, ``body_hash``.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

from stackwire.core.errors import Unauthorized

AUTH_TTL = timedelta(minutes=15)
"""How old a request may be: ``keystone/conf/credential.py: auth_ttl``."""
_V4 = "AWS4-HMAC-SHA256"
_BASIC_TIME = re.compile(r"\d{8}T\d{6}Z")


def check_signature(secret: str, request: Mapping[str, Any]) -> None:
    """Unauthorized unless the request is signed with the secret; some clients sign the host without its port."""
    given = request.get("signature")
    host = _text(request, "host")
    hosts = [host, host.rpartition(":")[0]] if ":" in host else [host]
    if not isinstance(given, str) or not any(
        hmac.compare_digest(_signature(secret, {**request, "host": each}).encode(), given.encode()) for each in hosts
    ):
        raise Unauthorized


def check_time(request: Mapping[str, Any], now: datetime) -> None:
    """Unauthorized for a request that is too old; one without a time is good for ever, as its signer wants."""
    params, headers = _mapping(request, "params"), _mapping(request, "headers")
    text = params.get("Timestamp") or headers.get("X-Amz-Date") or params.get("X-Amz-Date")
    if not text:
        return
    try:
        signed_at = (
            datetime.strptime(text, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
            if _BASIC_TIME.fullmatch(str(text))
            else datetime.fromisoformat(str(text))
        )
    except ValueError:
        raise Unauthorized from None
    signed_at = signed_at.replace(tzinfo=UTC) if signed_at.tzinfo is None else signed_at
    if now > signed_at + AUTH_TTL:
        raise Unauthorized


def _signature(secret: str, request: Mapping[str, Any]) -> str:
    params, headers = _mapping(request, "params"), _mapping(request, "headers")
    version, key = params.get("SignatureVersion"), secret.encode()
    if version == "0":
        return _base64(key, _text(params, "Action") + _text(params, "Timestamp"), "sha1")
    if version == "1":
        return _base64(key, "".join(f"{name}{params[name]}" for name in sorted(params, key=str.lower)), "sha1")
    if version == "2":
        head = "\n".join(_text(request, name) for name in ("verb", "host", "path"))
        return _base64(key, f"{head}\n{_query({**params, 'SignatureMethod': 'HmacSHA256'})}", "sha256")
    if str(headers.get("Authorization", "")).startswith(_V4) or params.get("X-Amz-Algorithm") == _V4:
        return _signature_4(secret, request, params, headers)
    raise Unauthorized


def _signature_4(secret: str, request: Mapping[str, Any], params: Mapping[str, Any], headers: Mapping[str, Any]) -> str:
    def given(name: str) -> str:
        if "Authorization" in headers:
            return str(headers["Authorization"]).partition(f"{name}=")[2].split(",")[0]
        return _text(params, f"X-Amz-{name}")

    time = str(headers.get("X-Amz-Date") or params.get("X-Amz-Date") or "")
    scope = given("Credential").split("/")[1:]
    if len(scope) != 4 or not time.startswith(scope[0]):
        raise Unauthorized
    lower = {str(name).lower().strip(): str(value).strip() for name, value in headers.items()}
    signed = [name for name in given("SignedHeaders").split(";") if name in lower]
    verb = _text(request, "verb").upper()
    canonical = "\n".join(
        (
            verb,
            _text(request, "path"),
            "" if verb == "POST" else _query(params),
            "".join(f"{name}:{lower[name]}\n" for name in signed),
            given("SignedHeaders"),
            _text(request, "body_hash"),
        )
    )
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    key = f"AWS4{secret}".encode()
    for part in scope:
        key = hmac.digest(key, part.encode(), "sha256")
    return hmac.digest(key, "\n".join((_V4, time, "/".join(scope), digest)).encode(), "sha256").hex()


def _query(params: Mapping[str, Any]) -> str:
    return "&".join(f"{quote(name, safe='')}={quote(str(params[name]), safe='-_~')}" for name in sorted(params))


def _base64(key: bytes, text: str, digest: str) -> str:
    return base64.b64encode(hmac.digest(key, text.encode(), digest)).decode()


def _text(source: Mapping[str, Any], name: str) -> str:
    value = source.get(name)
    if not isinstance(value, str):
        raise Unauthorized
    return value


def _mapping(source: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = source.get(name)
    return value if isinstance(value, Mapping) else {}
