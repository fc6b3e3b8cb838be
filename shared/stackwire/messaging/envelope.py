"""oslo.messaging's envelope, version 2.0: the payload is JSON text inside a JSON object.

What a real receiver accepts is accepted (a bare object without envelope, unescaped text, kombu's compression header);
what it rejects raises PoisonMessage.  Sizes are limited in addition: anyone who reaches the broker may send anything.
"""

import bz2
import json
import zlib
from collections.abc import Mapping
from typing import Any

import orjson

from stackwire.messaging.errors import PoisonMessage
from stackwire.messaging.signatures import NO_SIGNATURES, SIGNATURE_KEY, Signatures
from stackwire.messaging.transport import CONTENT_ENCODING, CONTENT_TYPE, Properties

MAX_BODY = 8 * 1024 * 1024
"""Bytes, also after decompression. Image data is never sent over the bus, so no valid message comes near."""

MAX_CONTEXT_KEYS = 256
MAX_CONTEXT_BYTES = 256 * 1024

_VERSION_KEY = "oslo.version"
_MESSAGE_KEY = "oslo.message"
_VERSION = "2.0"
_NUL = "\\u0000"


def dumps(payload: Any) -> bytes:
    """JSON, compact. Integers beyond 64 bits and other things the fast encoder refuses go through the standard one."""
    try:
        return orjson.dumps(payload)
    except TypeError:
        return json.dumps(payload, allow_nan=False, separators=(",", ":")).encode()


def wrap(payload: Mapping[str, Any], signatures: Signatures = NO_SIGNATURES) -> bytes:
    """The body of a message with this payload; key order is kept."""
    inner = dumps(payload)
    envelope = {_VERSION_KEY: _VERSION, _MESSAGE_KEY: inner.decode()}
    if (signature := signatures.of(inner)) is not None:
        envelope[SIGNATURE_KEY] = signature
    return orjson.dumps(envelope)


def unwrap(
    body: bytes, properties: Properties, signatures: Signatures = NO_SIGNATURES, topic: str = ""
) -> dict[str, Any]:
    """The payload of a body. Raises PoisonMessage when a real receiver would reject it, or when it is too large, and
    ForgedMessage when it is not signed as messages on this ``topic`` have to be."""
    _check_properties(properties)
    data = _expand(body, properties.headers)
    if len(data) > MAX_BODY:
        raise PoisonMessage(f"a body of {len(data)} bytes")
    outer = _object(data)
    if _VERSION_KEY not in outer or _MESSAGE_KEY not in outer:
        _refuse_nul(outer, data)
        signatures.check({}, "", topic)
        return outer
    _check_version(outer[_VERSION_KEY])
    inner = outer[_MESSAGE_KEY]
    if not isinstance(inner, str):
        raise PoisonMessage("the inner message is not text")
    signatures.check(outer, inner, topic)
    payload = _object(inner)
    if _NUL in inner:
        _refuse_nul(payload, inner.encode())
    if len(inner) > MAX_CONTEXT_BYTES or len(payload) > MAX_CONTEXT_KEYS:
        _check_context(payload)
    return payload


def context_of(payload: Mapping[str, Any]) -> dict[str, Any]:
    """The ``_context_`` items, without the prefix."""
    return {key[9:]: value for key, value in payload.items() if key.startswith("_context_")}


def _check_properties(properties: Properties) -> None:
    if properties.content_type != CONTENT_TYPE:
        raise PoisonMessage(f"content type {properties.content_type!r}")
    if (properties.content_encoding or CONTENT_ENCODING).lower() != CONTENT_ENCODING:
        raise PoisonMessage(f"content encoding {properties.content_encoding!r}")


def _expand(body: bytes, headers: Mapping[str, Any]) -> bytes:
    """The decompressed body. kombu labels a zlib stream as gzip."""
    compression = headers.get("compression")
    if compression is None:
        return body
    try:
        if compression == "application/x-gzip":
            return zlib.decompressobj().decompress(body, MAX_BODY + 1)
        if compression == "application/x-bz2":
            return bz2.BZ2Decompressor().decompress(body, MAX_BODY + 1)
    except (zlib.error, OSError, ValueError) as error:
        raise PoisonMessage("the compressed body is damaged") from error
    raise PoisonMessage(f"compression {compression!r}")


def _object(data: bytes | str) -> dict[str, Any]:
    # orjson refuses NaN, lone surrogates and absurd depth, each with the same error.
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise PoisonMessage(f"not JSON: {error.msg}") from error
    if not isinstance(value, dict):
        raise PoisonMessage("not a JSON object")
    return value


def _check_version(version: object) -> None:
    """Same major, and no minor beyond ours: 2.0 is the only one there is."""
    if version != _VERSION:
        raise PoisonMessage(f"envelope version {version!r}")


def _refuse_nul(value: Any, source: bytes) -> None:
    """Refuses U+0000, which no database stores. The escape may also be an escaped backslash, hence the walk."""
    if _NUL.encode() not in source:
        return
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, str):
            if "\0" in item:
                raise PoisonMessage("U+0000 in a text")
        elif isinstance(item, dict):
            waiting += item
            waiting += item.values()
        elif isinstance(item, list):
            waiting += item


def _check_context(payload: Mapping[str, Any]) -> None:
    context = context_of(payload)
    if len(context) > MAX_CONTEXT_KEYS:
        raise PoisonMessage(f"a context of {len(context)} keys")
    if len(orjson.dumps(context)) > MAX_CONTEXT_BYTES:
        raise PoisonMessage("a context out of bounds")
