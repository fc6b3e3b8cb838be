import pytest

from stackwire.core.errors import BadRequest
from stackwire.http.request import flag, parse_json

ODD = {
    "an open brace": b"{",
    "nothing but brackets": b"[" * 100_000,
    "NaN": b'{"a": NaN}',
    "an infinite number": b'{"a": 1e999}',
    "minus infinity": b'{"a": -Infinity}',
    "an integer of 5,000 digits": b'{"a": ' + b"9" * 5000 + b"}",
    "an integer no column holds": b'{"a": 9223372036854775808}',
    "a key twice": b'{"name": "a", "name": "b"}',
    "a byte order mark": b'\xef\xbb\xbf{"a": 1}',
    "bytes that are not UTF-8": b'{"a": "\xff\xfe"}',
    "a lone surrogate": b'{"a": "\\ud800"}',
    "a NUL in a value": b'{"a": "\\u0000"}',
    "a NUL in a key": b'{"\\u0000": 1}',
    "65 levels": b'{"a":' * 65 + b"1" + b"}" * 65,
}


@pytest.mark.parametrize("raw", ODD.values(), ids=ODD.keys())
def test_json_that_a_store_behind_us_cannot_hold_is_a_bad_request(raw: bytes):
    with pytest.raises(BadRequest):
        parse_json(raw)


def test_sound_json_is_read_as_it_is():
    assert parse_json('{"é": [1, 2.5, null, true, "⛁"]}'.encode()) == {"é": [1, 2.5, None, True, "⛁"]}


@pytest.mark.parametrize(("text", "value"), [("True", True), ("1", True), (" no ", False), ("off", False)])
def test_a_flag_is_read_as_oslo_reads_it(text: str, value: bool):
    assert flag(text, "os_hidden") is value


def test_a_flag_that_is_none_is_a_bad_request():
    with pytest.raises(BadRequest, match="os_hidden"):
        flag("perhaps", "os_hidden")
