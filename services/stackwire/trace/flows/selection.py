"""Pages of stories and messages that match filters, found without keeping the loop."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from stackwire.trace.domain.message import Message
from stackwire.trace.domain.message_store import MessageStore
from stackwire.trace.domain.story import Story
from stackwire.trace.domain.wording import Wording
from stackwire.trace.flows.pacer import Pacer, caught_up


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """``matches``: the cheap filters; ``text``: a part of a payload; ``limit``: how many at most."""

    matches: Callable[[Any], bool]
    text: str
    limit: int


async def select_stories(store: MessageStore, wanted: Selection, before: float | None) -> dict[str, Any]:
    """The latest that match and began before a time, the newest first. ``older``: ``before`` of the next page."""
    await caught_up(store)
    pacer, wording, views = Pacer(), Wording(store.names), list[dict[str, Any]]()
    more = False
    for group in reversed(list(store.groups())):
        await pacer.pause()
        if not group.members or (before is not None and group.started >= before):
            continue
        story = group.story
        if not wanted.matches(story) or not await _has_text(story, wanted.text, pacer):
            continue
        if len(views) == wanted.limit:
            more = True
            break
        views.append(wording.summary(story))
    return {"stories": views, "older": views[-1]["started_at"] if more and views else None}


async def _has_text(story: Story, text: str, pacer: Pacer) -> bool:
    if not text:
        return True
    for arrow in story.arrows:
        await pacer.pause()
        if arrow.message is not None and arrow.message.mentions(text):
            return True
    return False


async def select_messages(store: MessageStore, wanted: Selection, after: int, *, payload: bool) -> dict[str, Any]:
    """The last that match, the oldest first."""
    await caught_up(store)
    pacer, wording, views = Pacer(), Wording(store.names), list[dict[str, Any]]()
    for message in _backwards(store.messages(after=after)):
        await pacer.pause()
        if len(views) == wanted.limit:
            break
        if wanted.matches(message) and (not wanted.text or message.mentions(wanted.text)):
            views.append(wording.message(message, payload=payload))
    views.reverse()
    return {"messages": views}


async def view_stories(store: MessageStore, stories: Iterable[Story], *, payload: bool) -> list[Mapping[str, Any]]:
    """Whole stories as the API returns them."""
    pacer, wording, views = Pacer(), Wording(store.names), list[Mapping[str, Any]]()
    for story in stories:
        resources, arrows = story.resources, list[dict[str, Any]]()
        for arrow in story.arrows:
            await pacer.pause()
            arrows.append(wording.arrow(arrow, resources, payload=payload))
        views.append({**wording.summary(story), "arrows": arrows})
    return views


def _backwards(messages: list[Message]) -> Iterable[Message]:
    return reversed(messages)
