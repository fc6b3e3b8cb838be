"""Where images may be fetched from, and in how many disguises an address of this machine is still refused."""

import re
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stackwire.image.domain.errors import UriRefused
from stackwire.image.domain.uri_filter import Destination, UriFilter, destination, reachable, redirected

OPEN = UriFilter(allowed_ports=())
"""Every port."""


@pytest.mark.parametrize(
    ("uri", "scheme", "host", "port", "target"),
    [
        ("http://example.org", "http", "example.org", 80, "/"),
        ("HTTPS://Example.ORG./a/b?c=d#e", "https", "example.org", 443, "/a/b?c=d"),
        ("http://example.org:443/", "http", "example.org", 443, "/"),
        ("http://93.184.216.34/x%20y", "http", "93.184.216.34", 80, "/x%20y"),
        ("http://[2001:DB8::0:1]/", "http", "2001:db8::1", 80, "/"),
        ("http://a_b-c.1x.example/", "http", "a_b-c.1x.example", 80, "/"),
        ("http://xn--bcher-kva.example/", "http", "xn--bcher-kva.example", 80, "/"),
    ],
)
def test_a_uri_leads_somewhere(uri: str, scheme: str, host: str, port: int, target: str) -> None:
    assert destination(uri, UriFilter()) == Destination(uri, scheme, host, port, target)


@pytest.mark.parametrize(
    "uri",
    [
        "", "http://", "http:///x", "example.org", "//example.org/", "file:///etc/passwd", "ftp://example.org/",
        "gopher://example.org/", "http://a:99999/", "http://a:-1/", "http://a:x/", "http://example.org:22/",
        "http://example.org:8080/", "http://user@example.org/", "http://user:word@example.org/", "http://@example.org/",
        "http://2130706433/", "http://0x7f.1/", "http://0x7f000001/", "http://0X7F.0.0.1/", "http://0177.0.0.1/",
        "http://127.1/", "http://127.0.1/", "http://127.0.0.0x1/", "http://1/", "http://0/", "http://0x/",
        "http://017700000001/", "http://127.0.0.1.0/", "http://example.1/", "http://256.256.256.256/",
        "http://[::1%25lo]/", "http://[fe80::1%eth0]/", "http://[nonsense]/", "http://[::1/", "http://::1/",
        "http://exa mple.org/", "http://example.org/\n", "http://exam\tple.org/", "http://example.org\\@evil.org/",
        "http://b\u00fccher.example/", "http://127.0.0.1\u3002nip.io/", "http://\u2460\u2461\u2466.0.0.1/",
        "http://.example.org/", "http://example..org/", "http://-a.org/", f"http://{'a' * 64}.org/",
        f"http://{'a.' * 127}aa/", "http://example.org/" + "x" * 1_000_000, "http://%31%32%37.0.0.1/",
    ],
    ids=lambda uri: uri[:40],
)  # fmt: skip
def test_a_uri_that_must_not_be_followed_is_refused(uri: str) -> None:
    with pytest.raises(UriRefused):
        destination(uri, UriFilter())


@pytest.mark.parametrize(
    ("rules", "uri", "passes"),
    [
        (UriFilter(allowed_schemes=("https",)), "http://a/", False),
        (UriFilter(allowed_schemes=("https",)), "https://a/", True),
        (UriFilter(allowed_schemes=(), disallowed_schemes=("http",)), "http://a/", False),
        (UriFilter(allowed_schemes=("http",), disallowed_schemes=("http",)), "http://a/", True),
        (UriFilter(allowed_schemes=()), "ftp://a/", False),
        (UriFilter(allowed_hosts=("a",)), "http://a/", True),
        (UriFilter(allowed_hosts=("a",)), "http://a./", True),
        (UriFilter(allowed_hosts=("a",)), "http://b/", False),
        (UriFilter(disallowed_hosts=("a",)), "http://A/", False),
        (UriFilter(disallowed_hosts=("a",)), "http://b/", True),
        (UriFilter(allowed_ports=(8080,)), "http://a:8080/", True),
        (UriFilter(allowed_ports=(8080,)), "http://a/", False),
        (UriFilter(allowed_ports=(), disallowed_ports=(22,)), "http://a:22/", False),
        (UriFilter(allowed_ports=(), disallowed_ports=(22,)), "http://a:23/", True),
    ],
)
def test_the_operators_lists_decide(rules: UriFilter, uri: str, passes: bool) -> None:
    if passes:
        destination(uri, rules)
    else:
        with pytest.raises(UriRefused):
            destination(uri, rules)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.255.255.254", "169.254.169.254", "0.0.0.0", "0.1.2.3", "224.0.0.1", "255.255.255.255",
        "240.0.0.1",
        "::1", "::", "fe80::1", "ff02::1", "::ffff:127.0.0.1", "::ffff:7f00:1", "::ffff:169.254.169.254", "::127.0.0.1",
        "64:ff9b::127.0.0.1", "64:ff9b::a9fe:a9fe", "2002:7f00:1::", "2002:a9fe:a9fe::1",
        "2001:0:4136:e378:8000:63bf:80ff:fffe",
    ],
)  # fmt: skip
def test_this_machine_is_not_reached_however_it_is_written(address: str) -> None:
    there = destination("http://looks.innocent/", OPEN)
    with pytest.raises(UriRefused):
        reachable(there, [address], OPEN)


@pytest.mark.parametrize(
    "address", ["93.184.216.34", "10.0.0.5", "192.168.1.1", "172.17.0.2", "2001:db8::1", "fd00::1", "::ffff:10.0.0.5"]
)
def test_others_are_also_in_private_networks(address: str) -> None:
    there = destination("http://a/", OPEN)
    assert reachable(there, [address], OPEN) == [address]


def test_only_the_harmless_of_a_hosts_addresses_are_connected_to() -> None:
    there = destination("http://a/", OPEN)
    assert reachable(there, ["127.0.0.1", "10.0.0.1", "::1", "10.0.0.2"], OPEN) == ["10.0.0.1", "10.0.0.2"]
    with pytest.raises(UriRefused):
        reachable(there, [], OPEN)


def test_a_forbidden_address_is_forbidden_under_any_name() -> None:
    rules = UriFilter(disallowed_hosts=("10.0.0.1",))
    there = destination("http://a/", rules)
    assert reachable(there, ["10.0.0.2", "10.0.0.1", "::ffff:10.0.0.1"], rules) == ["10.0.0.2"]


def test_a_host_that_is_allowed_by_name_may_be_anywhere() -> None:
    rules = UriFilter(allowed_hosts=("127.0.0.1", "mirror"), allowed_ports=())
    for host in ("127.0.0.1", "mirror"):
        assert reachable(destination(f"http://{host}:5/", rules), ["127.0.0.1"], rules) == ["127.0.0.1"]


@pytest.mark.parametrize(
    ("location", "uri"),
    [
        ("/b", "http://example.org/b"),
        ("b?c", "http://example.org/dir/b?c"),
        ("https://other.org/", "https://other.org/"),
        ("//other.org/x", "http://other.org/x"),
    ],
)
def test_a_redirect_leads_on(location: str, uri: str) -> None:
    there = destination("http://example.org/dir/a", UriFilter())
    assert redirected(there, location, UriFilter()).uri == uri


@pytest.mark.parametrize(
    "location",
    [
        "file:///etc/passwd",
        "http://2130706433/",
        "//user@other.org/",
        "http://a:22/",
        "ftp://a/",
        "http://[",
        "\x00",
        "",
    ],
)
def test_a_redirect_is_judged_like_the_first_hop(location: str) -> None:
    with pytest.raises(UriRefused, match="Redirect to disallowed URL"):
        redirected(destination("http://example.org/", UriFilter()), location, UriFilter())


URIS = st.from_regex(r"https?://[\[\]0-9a-fx.:%@]{1,20}(:[0-9]{1,6})?(/.{0,5})?", fullmatch=True)


@given(uri=URIS | st.text(max_size=40))
def test_what_passes_is_an_address_in_its_proper_spelling_or_no_number_at_all(uri: str) -> None:
    try:
        there = destination(uri, OPEN)
    except UriRefused:
        return
    try:
        assert str(ip_address(there.host)) == there.host
    except ValueError:
        assert re.fullmatch(r"([a-z0-9_]([a-z0-9_-]*[a-z0-9_])?\.)*[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?", there.host)
        last = there.host.rpartition(".")[2]
        assert not last.isdigit()
        assert not last.startswith("0x") or not set(last[2:]) <= set("0123456789abcdef")
    assert there.target.startswith(("/", "?"))
    assert 0 <= there.port <= 65535
