"""A service that uses the real oslo.messaging, as a process of its own: says what happens in lines of JSON.

peer.py URL EXCHANGE serve TOPIC SERVER VERSION   an RPC server, until its input ends
peer.py URL EXCHANGE call                         one call, cast or fanout for each line of input
peer.py URL EXCHANGE listen TOPIC [POOL]          a notification listener, until its input ends
peer.py URL EXCHANGE notify TOPIC                 one notification for each line of input
"""

import json
import sys
import threading
import time
import warnings
from typing import Any

warnings.simplefilter("ignore")

import oslo_messaging as messaging  # noqa: E402  # after the patch above
from oslo_config import cfg  # noqa: E402  # after the patch above

SPEAKING = threading.Lock()


def say(**facts: Any) -> None:
    """A line, whole: the library calls endpoints in threads."""
    with SPEAKING:
        print(json.dumps(facts, default=repr), flush=True)


def configuration(exchange: str) -> Any:
    """A ConfigOpts of its own, with what the library only registers on the global one."""
    conf = cfg.ConfigOpts()
    conf([], project="peer", default_config_files=[], default_config_dirs=[])
    from oslo_messaging import transport

    conf.register_opts(transport._transport_opts)
    conf.set_override("control_exchange", exchange)
    for module, options, group in (
        ("_tracing", "oslo_messaging_tracing", "oslo_messaging_tracing"),
        ("_metrics", "oslo_messaging_metrics", "oslo_messaging_metrics"),
    ):
        client = __import__(f"oslo_messaging.{module}.client", fromlist=["client"])
        conf.register_opts(getattr(client, options), group=group)
    return conf


class BoxMissing(Exception):
    def __init__(self, message: str = "", **facts: Any) -> None:
        super().__init__(message)
        self.kwargs = facts


BoxMissing.__module__ = "boxes.exception"
BoxMissing.__qualname__ = BoxMissing.__name__ = "BoxNotFound"


class Boxes:
    def __init__(self, version: str) -> None:
        self.target = messaging.Target(version=version)

    def get_box(self, ctxt: dict[str, Any], id: str) -> dict[str, Any]:
        if id == "missing":
            raise BoxMissing("No box missing.", box_id="missing")
        if id == "broken":
            raise ZeroDivisionError("broken")
        if id == "slow":
            time.sleep(3.5)
        return {"id": id, "size": len(ctxt.get("user_id") or "")}

    def paint(self, ctxt: dict[str, Any], colour: str) -> None:
        say(method="paint", colour=colour, user=ctxt.get("user_id"))

    def forget(self, ctxt: dict[str, Any], id: str) -> None:
        say(method="forget", id=id)


def serve(url: str, exchange: str, topic: str, server: str, version: str) -> None:
    transport = messaging.get_rpc_transport(configuration(exchange), url=url)
    target = messaging.Target(topic=topic, server=server)
    running = messaging.get_rpc_server(transport, target, [Boxes(version)], executor="threading")
    running.start()
    say(ready=True)
    sys.stdin.read()
    running.stop()
    running.wait()
    transport.cleanup()


def call(url: str, exchange: str) -> None:
    transport = messaging.get_rpc_transport(configuration(exchange), url=url)
    say(ready=True)
    for line in sys.stdin:
        order = json.loads(line)
        target = messaging.Target(
            topic=order["topic"], server=order.get("server"), version=order.get("version", "1.0"),
            namespace=order.get("namespace"), fanout=order.get("fanout"),
        )  # fmt: skip
        client = messaging.get_rpc_client(
            transport, target, timeout=order.get("timeout", 10), call_monitor_timeout=order.get("monitor")
        )
        speak = client.cast if order.get("cast") or order.get("fanout") else client.call
        try:
            say(result=speak(order.get("context", {}), order["method"], **order.get("args", {})))
        except messaging.RemoteError as error:
            say(failed=error.exc_type, message=error.value, lines=len(error.traceback or []))
        except Exception as error:
            say(failed=type(error).__name__, message=str(error))
    transport.cleanup()


def listen(url: str, exchange: str, topic: str, pool: str | None = None) -> None:
    class Endpoint:
        def info(self, ctxt: Any, publisher_id: str, event_type: str, payload: Any, metadata: dict[str, Any]) -> None:
            say(
                priority="INFO", publisher_id=publisher_id, event_type=event_type, payload=payload, context=ctxt,
                message_id=metadata["message_id"], timestamp=metadata["timestamp"],
            )  # fmt: skip

    transport = messaging.get_notification_transport(configuration(exchange), url=url)
    listener = messaging.get_notification_listener(
        transport, [messaging.Target(topic=topic)], [Endpoint()], executor="threading", pool=pool
    )
    listener.start()
    say(ready=True)
    sys.stdin.read()
    listener.stop()
    listener.wait()
    transport.cleanup()


class Context:
    """What the real notifier wants of a context: a copy without secrets, and a dictionary."""

    def __init__(self, facts: dict[str, Any]) -> None:
        self.facts = facts

    def redacted_copy(self) -> "Context":
        return Context({key: value for key, value in self.facts.items() if key != "auth_token"})

    def to_dict(self) -> dict[str, Any]:
        return dict(self.facts)


def notify(url: str, exchange: str, topic: str) -> None:
    transport = messaging.get_notification_transport(configuration(exchange), url=url)
    say(ready=True)
    for line in sys.stdin:
        order = json.loads(line)
        notifier = messaging.Notifier(
            transport, "box.host-a", driver=order.get("driver", "messagingv2"), topics=[topic], retry=3
        )
        context = Context(order["context"]) if "context" in order else {}
        getattr(notifier, order["priority"])(context, order["event_type"], order["payload"])
        say(sent=order["event_type"])
    transport.cleanup()


if __name__ == "__main__":
    _, url, exchange, role, *rest = sys.argv
    {"serve": serve, "call": call, "listen": listen, "notify": notify}[role](url, exchange, *rest)
