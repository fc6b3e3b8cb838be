"""New ids, and the only spelling an id may have."""

import re
import uuid

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)


def new_id() -> str:
    """A random uuid in its canonical form: lower case, with dashes."""
    return str(uuid.uuid4())


def canonical_uuid(text: object) -> str | None:
    """The canonical form of a dashed uuid, or None when ``text`` is not one.

    Braces, missing dashes and other spellings PostgreSQL would accept are refused, so that no resource has two URLs.
    """
    if isinstance(text, str) and _UUID.fullmatch(text):
        return text.lower()
    return None
