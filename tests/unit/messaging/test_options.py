"""The options in the bus's URL."""

import pytest

from stackwire.core.secrets import masked
from stackwire.messaging.options import RabbitOptions, parse
from stackwire.messaging.transport import fanout_queue, notification_queue, reply_queue, topic_queue


def test_without_options_queues_are_transient_and_classic() -> None:
    url, options = parse("amqp://guest:guest@localhost:5672/")
    assert (url, options) == ("amqp://guest:guest@localhost:5672/", RabbitOptions())
    for binding in (topic_queue("x", "t"), notification_queue("x", "n", "info")):
        assert options.queue_arguments(binding) == {}
        assert not options.queue_is_durable(binding)
    for binding in (fanout_queue("t"), reply_queue()):
        assert options.queue_arguments(binding) == {"x-expires": 1_800_000}


def test_quorum_queues_are_declared_as_oslo_messaging_does_unless_more_is_asked_for() -> None:
    """``oslo_messaging/_drivers/impl_rabbit.py: _get_queue_arguments``: no limit and no dead-letter exchange."""
    _, options = parse("amqp://host/v?rabbit_quorum_queue=true")
    for binding in (topic_queue("x", "t"), notification_queue("x", "n", "info")):
        assert options.queue_arguments(binding) == {"x-queue-type": "quorum"}
        assert not options.dead_letters(binding)


def test_quorum_queues_have_the_limits_and_the_dead_letter_exchange_they_are_given() -> None:
    _, options = parse(
        "amqp://host/v?rabbit_quorum_queue=true&rabbit_quorum_delivery_limit=7&dead_letter=gone&rabbit_quorum_max_memory_length=9"
    )
    assert options.queue_arguments(topic_queue("x", "t")) == {
        "x-queue-type": "quorum",
        "x-delivery-limit": 7,
        "x-max-in-memory-length": 9,
        "x-dead-letter-exchange": "gone",
    }
    assert options.queue_is_durable(topic_queue("x", "t"))
    assert options.queue_arguments(reply_queue()) == {"x-expires": 1_800_000}
    assert not options.queue_is_durable(reply_queue())


@pytest.mark.parametrize(
    ("given", "taken"),
    [
        ("rabbit://u:p@host:1/v", "amqp://u:p@host:1/v"),
        ("rabbit+ssl://host", "amqps://host/"),
        ("amqp://host//", "amqp://host/"),
        ("amqp://host/v?heartbeat=5&amqp_durable_queues=1", "amqp://host/v?heartbeat=5"),
        ("rabbit://host/v?ssl=true&ssl_ca_file=/ca.pem", "amqps://host/v?cafile=/ca.pem"),
        ("rabbit://host/v?heartbeat_timeout_threshold=30", "amqp://host/v?heartbeat=30"),
    ],
)
def test_the_rest_of_the_url_goes_on_to_the_library(given: str, taken: str) -> None:
    assert parse(given)[0] == taken


@pytest.mark.parametrize("option", ["kombu_compression=gzip", "rabbit_retry_interval=2", "use_queue_manager=true"])
def test_an_option_of_oslos_without_a_meaning_here_is_warned_of(option: str, caplog: pytest.LogCaptureFixture) -> None:
    assert parse(f"rabbit://host/v?{option}") == ("amqp://host/v", RabbitOptions())
    assert f"the option {option.split('=')[0]} of the bus" in caplog.text


@pytest.mark.parametrize(
    "url",
    ["http://host", "amqp://", "memory", "amqp://host/?amqp_durable_queue=1", "amqp://host/?amqp_durable_queues=maybe",
     "amqp://host/?rabbit_qos_prefetch_count=-1"],
)  # fmt: skip
def test_what_is_not_understood_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="bus"):
        parse(url)


def test_a_url_is_shown_without_user_and_password() -> None:
    assert masked("at amqp://me:hu@sh@host/ and x") == "at amqp://***@host/ and x"
