"""Tables of names, written as text."""


def names(text: str) -> tuple[str, ...]:
    """The names in a text, in which they are separated by blanks."""
    return tuple(text.split())
