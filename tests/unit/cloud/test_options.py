"""What a cloud is told to be."""

import pytest

from stackwire.cloud.options import Options


@pytest.mark.parametrize(
    ("host", "local"),
    [
        ("127.0.0.1", "http://127.0.0.1:9292"),
        ("0.0.0.0", "http://127.0.0.1:9292"),
        ("::", "http://[::1]:9292"),
        ("::1", "http://[::1]:9292"),
        ("cloud.example", "http://cloud.example:9292"),
    ],
)
def test_where_a_service_is_reached_from_this_machine(host: str, local: str) -> None:
    assert Options(host=host).urls()["image"] == local


def test_on_all_interfaces_clients_get_an_address_and_not_a_wildcard() -> None:
    assert "0.0.0.0" not in Options(host="0.0.0.0").public_urls()["image"]
    assert Options(host="cloud.example").public_urls()["image"] == "http://cloud.example:9292"


def test_the_tracer_has_a_port_only_when_it_was_given_one() -> None:
    assert "trace" not in Options().urls()
    assert Options(trace_port=8080).urls()["trace"] == "http://127.0.0.1:8080"
