"""Remote procedure calls in oslo.messaging's wire format."""

from stackwire.messaging.client import RpcClient
from stackwire.messaging.server import RpcServer

__all__ = ["RpcClient", "RpcServer"]
