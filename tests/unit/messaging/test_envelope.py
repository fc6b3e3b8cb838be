"""What can be read, what is poison, and what is written."""

import bz2
import json
import zlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stackwire.messaging.envelope import MAX_BODY, context_of, unwrap, wrap
from stackwire.messaging.errors import PoisonMessage
from stackwire.messaging.transport import Properties

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**80), 2**80) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")), inner, max_size=4),
    max_leaves=20,
)  # fmt: skip


def envelope(inner: str, version: str = "2.0") -> bytes:
    return json.dumps({"oslo.version": version, "oslo.message": inner}).encode()


@given(st.dictionaries(st.sampled_from(["method", "args", "x"]), JSON))
def test_what_is_wrapped_is_unwrapped(payload: dict[str, Any]) -> None:
    got = unwrap(wrap(payload), Properties())
    # The reader's numbers are doubles beyond 64 bits; everything else is exact.
    assert json.loads(json.dumps(got), parse_int=float) == json.loads(json.dumps(payload), parse_int=float)


def test_key_order_is_kept() -> None:
    assert list(unwrap(wrap({"b": 1, "a": 2}), Properties())) == ["b", "a"]


@pytest.mark.parametrize(
    "body",
    [b'{"method":"m"}', envelope('{"method":"m"}'), '{"method":"m","é":1}'.encode()],
    ids=["bare", "wrapped", "not escaped"],
)
def test_these_are_read(body: bytes) -> None:
    assert unwrap(body, Properties())["method"] == "m"


@pytest.mark.parametrize(
    ("header", "compress"), [("application/x-gzip", zlib.compress), ("application/x-bz2", bz2.compress)]
)
def test_kombus_compression_is_honoured(header: str, compress: Any) -> None:
    body = compress(envelope('{"method":"m"}'))
    assert unwrap(body, Properties(headers={"compression": header}))["method"] == "m"


@pytest.mark.parametrize(
    ("body", "properties"),
    [
        (b"", {}),
        (b"{", {}),
        (b"null", {}),
        (b"1", {}),
        (b'"x"', {}),
        (b"[]", {}),
        (b"\xef\xbb\xbf{}", {}),
        (b'{"a":NaN}', {}),
        (b'{"a":"\\ud800"}', {}),
        (b'{"a":"\\u0000"}', {}),
        (b'{"a":' + b"[" * 100_000, {}),
        (b'{"a":"' + b"x" * MAX_BODY + b'"}', {}),
        (envelope("{}", "1.0"), {}),
        (envelope("{}", "2.1"), {}),
        (envelope("{}", "3.0"), {}),
        (envelope("{"), {}),
        (envelope("[]"), {}),
        (envelope('{"a":"\\u0000"}'), {}),
        (b'{"oslo.version":"2.0","oslo.message":{}}', {}),
        (b"{}", {"content_type": None}),
        (b"{}", {"content_type": "text/plain"}),
        (b"{}", {"content_type": "application/json; charset=utf-8"}),
        (b"{}", {"content_type": "application/x-python-serialize"}),
        (b"{}", {"content_encoding": "gzip"}),
        (b"{}", {"headers": {"compression": "application/x-gzip"}}),
        (b"{}", {"headers": {"compression": "application/x-brotli"}}),
        (zlib.compress(b'{"a":"' + b"x" * (2 * MAX_BODY) + b'"}'), {"headers": {"compression": "application/x-gzip"}}),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_these_are_poison(body: bytes, properties: dict[str, Any]) -> None:
    with pytest.raises(PoisonMessage):
        unwrap(body, Properties(**properties))


def test_a_backslash_before_the_escape_is_not_a_nul() -> None:
    assert unwrap(wrap({"a": "\\u0000"}), Properties()) == {"a": "\\u0000"}


def test_the_context_loses_its_prefix_and_nothing_else() -> None:
    assert context_of({"method": "m", "_context_user": "u", "_context__context_x": 1, "_msg_id": "i"}) == {
        "user": "u",
        "_context_x": 1,
    }
