"""A call that is handled twice: its process died before it answered, and the broker delivered it again.

Only the second answer reaches the caller, so that it has to be the first one's.
"""

from datetime import UTC, datetime

from stackwire.core.clock import Clock
from stackwire.core.context import RequestContext


def done_since(ctx: RequestContext, moment: datetime | None, clock: Clock) -> bool:
    """Whether that was done, at the moment of a row, after this was requested: then it is what was requested.

    Who requested the same before it was done is answered the same. False for the time of another program's context
    that cannot be read.
    """
    try:
        requested = datetime.fromisoformat(ctx.timestamp)
    except ValueError:
        return False
    aware = requested if requested.tzinfo else requested.replace(tzinfo=UTC)
    return moment is not None and moment - clock.ahead >= aware
