"""Messages grouped into stories as they arrive: a query assembles only the stories it returns, and each of them once.

A message with a request id belongs to that request's story, one without to the request in progress, or to the latest
story about its resource. The latter is decided again when a request is recorded that had begun before: HTTP requests
are recorded at their end.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise

from stackwire.trace.domain.message import Message
from stackwire.trace.domain.requests_in_progress import RequestsInProgress
from stackwire.trace.domain.resources import Resource
from stackwire.trace.domain.story import Story
from stackwire.trace.domain.story_assembly import story_of

SAME_RESOURCE_SECONDS = 60.0
"""Seconds within which a message without a request id (Glance sends none) joins the story of its resource."""
DISORDER_SECONDS = 1.0
"""How much later than its time a message may arrive."""
_NEVER = float("inf")


@dataclass(slots=True)
class Group:
    """The messages of one story by number, each with whether it was inferred to be in it; ``ids``: all of its ids."""

    id: str
    ids: set[str] = field(default_factory=set)
    members: dict[int, tuple[Message, bool]] = field(default_factory=dict)
    _story: Story | None = None
    _started: float | None = None

    @property
    def started(self) -> float:
        """The time of the first message."""
        if self._started is None:
            self._started = min((message.time for message, _ in self.members.values()), default=0.0)
        return self._started

    @property
    def story(self) -> Story:
        """Assembled when it is needed, again only after a change."""
        if self._story is None:
            self._story = story_of(self.id, (self.members[number] for number in sorted(self.members)))
        return self._story

    def changed(self) -> None:
        """Forgets what was derived of the messages."""
        self._story = self._started = None


class StoryIndex:
    """Every message of the store, by story. ``add`` and ``remove`` take them in the order of their numbers."""

    def __init__(self) -> None:
        self._above: dict[str, str] = {}
        self._groups: dict[str, Group] = {}
        self._requests = RequestsInProgress()
        self._without_id: deque[Message] = deque()
        self._inferred: dict[int, str] = {}
        self._mentions: dict[Resource, deque[Message]] = {}
        self._undecided_from = _NEVER
        self._sorted: list[Group] | None = None

    def add(self, message: Message) -> None:
        """A new message."""
        own = _request_id(message)
        if own is None:
            self._without_id.append(message)
            self._undecided_from = min(self._undecided_from, message.time)
        else:
            self._put(message, self._joined(message), inferred=False)
            if self._requests.add(message):
                self._undecided_from = min(self._undecided_from, message.time)
        for resource in message.resources:
            self._mentions.setdefault(resource, deque()).append(message)

    def remove(self, message: Message) -> None:
        """The oldest message."""
        root = self._root(message)
        if root is not None:
            self._take(message, root)
        if _request_id(message) is not None:
            self._requests.remove(message)
        elif self._without_id and self._without_id[0] is message:
            self._without_id.popleft()
            self._inferred.pop(message.number, None)
        for resource in message.resources:
            mentions = self._mentions.get(resource)
            while mentions and mentions[0].number <= message.number:
                mentions.popleft()
            if not mentions:
                self._mentions.pop(resource, None)

    def groups(self) -> list[Group]:
        """All stories, the oldest first. Not to be changed."""
        self._decide()
        if self._sorted is None:
            self._sorted = sorted(self._groups.values(), key=lambda group: group.started)
        return self._sorted

    def find(self, wanted: str) -> list[Group]:
        """Those of a request id, the beginning of one, or a resource's id; the oldest first."""
        self._decide()
        ids = [id for id in self._above if id.startswith(wanted) or id.removeprefix("req-").startswith(wanted)]
        found = {self._find(id) for id in ids}
        for resource in [known for known in self._mentions if known.id == wanted]:
            found.update(root for message in self._mentions[resource] if (root := self._root(message)) is not None)
        groups = [self._groups[root] for root in found if root in self._groups]
        return sorted(groups, key=lambda group: group.started)

    def about(self, resource: Resource) -> int:
        """How many messages name the resource."""
        return len(self._mentions.get(resource, ()))

    # -- which story

    def _joined(self, message: Message) -> str:
        """The story of all ids of the message: the user's own trace is above all requests in it, a global request
        above those made for it."""
        chain = [id for id in (message.request_id, message.global_request_id, message.trace_id) if id]
        for own, above in pairwise(chain):
            low, high = self._find(own), self._find(above)
            if low != high:
                self._above[low] = high
                self._merge(low, high)
        root = self._find(chain[0])
        self._group(root).ids.update(chain)
        return root

    def _find(self, id: str) -> str:
        while (above := self._above.setdefault(id, id)) != id:
            id = above
        return id

    def _root(self, message: Message) -> str | None:
        own = _request_id(message) or self._inferred.get(message.number)
        return self._find(own) if own else None

    def _decide(self) -> None:
        """Messages without a request id since the earliest change: the story of each."""
        if self._undecided_from == _NEVER:
            return
        earliest, undecided = self._undecided_from - DISORDER_SECONDS, []
        for message in reversed(self._without_id):
            if message.time < earliest:
                break
            undecided.append(message)
        for message in reversed(undecided):
            new, old = self._requests.root_at(message, self._root) or self._nearby(message), self._root(message)
            if new == old:
                continue
            if old is not None:
                self._take(message, old)
            self._inferred.pop(message.number, None)
            if new is not None:
                self._inferred[message.number] = new
                self._put(message, self._find(new), inferred=True)
        self._undecided_from = _NEVER

    def _nearby(self, message: Message) -> str | None:
        """The latest story about one of the message's resources, or one of its own."""
        for resource in message.resources:
            for earlier in reversed(self._mentions[resource]):
                if earlier.number < message.number and (root := self._root(earlier)) is not None:
                    if abs(message.time - earlier.time) <= SAME_RESOURCE_SECONDS:
                        return root
                    break
        return f"{message.resources[0].kind}-{message.resources[0].id}" if message.resources else None

    # -- groups

    def _group(self, root: str) -> Group:
        if root not in self._groups:
            self._groups[root] = Group(root, {root})
        return self._groups[root]

    def _put(self, message: Message, root: str, *, inferred: bool) -> None:
        group = self._group(root)
        group.members[message.number] = (message, inferred)
        group.changed()
        self._sorted = None

    def _take(self, message: Message, root: str) -> None:
        group = self._groups[root]
        group.members.pop(message.number, None)
        group.changed()
        self._sorted = None
        if not group.members:
            del self._groups[root]
            for id in group.ids:
                self._above.pop(id, None)

    def _merge(self, low: str, high: str) -> None:
        lower = self._groups.pop(low, None)
        group = self._group(high)
        group.ids.add(low)
        if lower is not None:
            if lower.members:  # what was in doubt between the two is not any more
                self._undecided_from = min(self._undecided_from, lower.started)
            group.ids |= lower.ids
            group.members |= lower.members
            group.changed()
            self._sorted = None


def stories(messages: Iterable[Message]) -> list[Story]:
    """Every story in the messages, the oldest first."""
    index = StoryIndex()
    for message in messages:
        index.add(message)
    return [group.story for group in index.groups()]


def _request_id(message: Message) -> str | None:
    return message.trace_id or message.global_request_id or message.request_id
