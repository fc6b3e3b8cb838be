"""A failure as JSON text, in oslo.messaging's form, and back (oslo_messaging/_drivers/common.py).

Encoding: class and module are the error's wire name, kwargs its params.  Decoding: only a class registered here under
that name is instantiated; nothing named on the wire is imported.
"""

import logging
import re
import traceback
from collections.abc import Iterable, Mapping
from pathlib import PurePath
from typing import Any

import orjson

from stackwire.core.errors import REGISTRY, RemoteError, ServiceError
from stackwire.core.secrets import masked
from stackwire.messaging.envelope import dumps

log = logging.getLogger(__name__)

_REMOTE = "_Remote"
_SECRET = re.compile(r"(?i)((?:password|passwd|secret|token|auth_key|api_key)['\"]?\s*[=:]\s*)(['\"]?)[^\s'\",;)}]+")
_MAX_MESSAGE_CHARS = 4_000


def encode(error: BaseException, secrets: Iterable[str | None] = ()) -> str:
    """The failure object. ``secrets`` (the caller's token) never occur in it, nor do source lines or local values."""
    hidden = [secret for secret in secrets if secret]
    name = error.wire if isinstance(error, ServiceError) else f"{type(error).__module__}.{type(error).__qualname__}"
    module, _, class_name = name.rpartition(".")
    message = _clean(error.message if isinstance(error, ServiceError) else str(error), hidden)
    failure = {
        "class": class_name.removesuffix(_REMOTE),
        "module": module.removesuffix(_REMOTE),
        "message": message,
        "tb": _traceback(error, class_name, message),
        "args": [message],
        "kwargs": _plain(error.params, hidden) if isinstance(error, ServiceError) else {},
    }
    return dumps(failure).decode()


def decode(failure: object) -> ServiceError:
    """The registered class with the same message and params; RemoteError otherwise, also for malformed input."""
    try:
        data = orjson.loads(failure) if isinstance(failure, str) else None
    except orjson.JSONDecodeError:
        data = None
    if not isinstance(data, dict):
        return RemoteError(exc_type="unknown", value="the failure cannot be read")
    class_name = str(data.get("class")).removesuffix(_REMOTE)
    module = str(data.get("module")).removesuffix(_REMOTE)
    message = str(data.get("message") or "")[:_MAX_MESSAGE_CHARS]
    known = REGISTRY.get(f"{module}.{class_name}")
    if known is not None:
        params = data.get("kwargs")
        try:
            return known(message or None, **_params(params))
        except Exception:  # a class whose constructor requires other params
            log.warning("%s cannot be decoded from its failure", known.wire)
    return RemoteError(exc_type=class_name, value=message, module=module)


def _params(kwargs: object) -> dict[str, Any]:
    return {key: value for key, value in kwargs.items() if key != "message"} if isinstance(kwargs, dict) else {}


def _traceback(error: BaseException, class_name: str, message: str) -> list[str]:
    """Where it happened, file names only: what oslo sends, without the source lines and the machine's paths."""
    frames = [
        f'  File "{PurePath(frame.f_code.co_filename).name}", line {line}, in {frame.f_code.co_name}\n'
        for frame, line in traceback.walk_tb(error.__traceback__)
    ]
    return ["Traceback (most recent call last):\n", *frames, f"{class_name}: {message}\n"]


def _plain(params: Mapping[str, object], hidden: list[str]) -> dict[str, Any]:
    text = orjson.dumps(params, default=str, option=orjson.OPT_NON_STR_KEYS).decode()
    for secret in hidden:
        text = text.replace(secret, "***")
    plain: dict[str, Any] = orjson.loads(text)
    return plain


def _clean(message: str, hidden: list[str]) -> str:
    for secret in hidden:
        message = message.replace(secret, "***")
    # Lone surrogates have no UTF-8 form, and must not make the encoding of the failure fail.
    message = message.encode("utf-8", "replace").decode()
    return _SECRET.sub(r"\1\2***", masked(message))[:_MAX_MESSAGE_CHARS]
