"""The tracer's API on one page: read only, without login, for the command line and the web page."""

from collections.abc import Sequence

from stackwire.http.app import Route
from stackwire.trace.domain.message_store import MessageStore
from stackwire.trace.flows.answers import Answers
from stackwire.trace.http.lineage import LineageHandlers
from stackwire.trace.http.messages import MessageHandlers
from stackwire.trace.http.page import PageHandlers
from stackwire.trace.http.properties import PropertyHandlers
from stackwire.trace.http.stories import StoryHandlers


def routes(store: MessageStore, answers: Answers | None = None) -> Sequence[Route]:
    """Every route; all of them are GET and public."""
    page, messages = PageHandlers(store), MessageHandlers(store)
    stories, lineage, properties = StoryHandlers(store), LineageHandlers(store), PropertyHandlers(answers)
    table = (
        ("/", page.index),
        ("/page/{name}", page.file),
        ("/asyncapi.json", page.asyncapi),
        ("/messages", messages.list),
        ("/messages/{number}", messages.show),
        ("/tail", messages.tail),
        ("/stories", stories.list),
        ("/stories/{id}", stories.show),
        ("/stories/{id}/export", stories.export),
        ("/map", lineage.map),
        ("/resources", lineage.resources),
        ("/lineage/{id}", lineage.lineage),
        ("/why/{key}/{id}", lineage.why),
        ("/where/{key}", lineage.where),
        ("/diff/{left}/{right}", lineage.diff),
        ("/explain", properties.explain),
        ("/properties/{kind}/{id}", properties.defined),
        ("/bugs", properties.bugs),
        ("/bugs/{name}", properties.bug),
    )
    return [Route("GET", path, handler, public=True) for path, handler in table]
