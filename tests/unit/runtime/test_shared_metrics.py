"""The metrics of several processes are one text: each family once, each series with the process it is of."""

from stackwire.runtime.siblings import merged

ONE = b"""# HELP requests_total Answered requests
# TYPE requests_total counter
requests_total{method="GET"} 3.0
# HELP up Whether
# TYPE up gauge
up 1.0
"""
TWO = b"""# HELP requests_total Answered requests
# TYPE requests_total counter
requests_total{method="a b"} 4.0
# HELP only Of the second alone
# TYPE only gauge
only 2.0
"""


def test_each_family_has_one_head_and_the_series_of_all() -> None:
    assert merged({1: ONE, 2: TWO}).decode().splitlines() == [
        "# HELP requests_total Answered requests",
        "# TYPE requests_total counter",
        'requests_total{process="1",method="GET"} 3.0',
        'requests_total{process="2",method="a b"} 4.0',
        "# HELP up Whether",
        "# TYPE up gauge",
        'up{process="1"} 1.0',
        "# HELP only Of the second alone",
        "# TYPE only gauge",
        'only{process="2"} 2.0',
    ]


def test_nothing_of_anybody_is_nothing() -> None:
    assert merged({}) == b""
