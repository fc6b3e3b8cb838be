"""``stackwire serve``: one service, or one role of it, in a process or in several."""

import importlib
import pkgutil
from typing import NoReturn, get_args

from stackwire.cloud.cloud import check_environment, settings_type
from stackwire.cloud.options import ORDER, OptionError
from stackwire.runtime.main import main

SERVED = (*ORDER, "trace", "index", "admin")


class NotServed(Exception):
    """It cannot be served like that; the message is one line."""


def serve(service: str, role: str, processes: int) -> NoReturn:
    """Until a signal. Raises NotServed."""
    if service not in SERVED:
        raise NotServed(f"there is no service {service!r}: {', '.join(SERVED[:-1])} or {SERVED[-1]}")
    roles = get_args(settings_type(service).model_fields["role"].annotation)
    if role not in roles:
        raise NotServed(f"--role is {' or '.join(filter(None, (', '.join(roles[:-1]), roles[-1])))}, not {role!r}")
    try:
        check_environment()
    except OptionError as error:
        raise NotServed(str(error)) from error
    if processes > 1 and service not in ORDER:
        raise NotServed(f"{service} is one process: what it has heard, or was told, lies in its memory")
    if service == "admin":
        importlib.import_module("stackwire.cloud.admin.standalone").main()
    own = "stackwire.cloud.answers:build_tracer" if service == "trace" else f"stackwire.{service}.app:build"
    main(service, settings_type(service), pkgutil.resolve_name(own), processes=processes, role=role)
