"""Tables of names."""


def names(text: str) -> tuple[str, ...]:
    """The names in a text that are separated by blanks or line ends."""
    return tuple(text.split())
