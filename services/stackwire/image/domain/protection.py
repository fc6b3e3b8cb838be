"""Property protection: which roles may create, read, update and delete which properties.

Source: ``glance/common/property_utils.py``. A file in INI form; a section's title is a regular expression searched in
the property's name, the first section that matches wins, and a name no section matches is nobody's.
"""

import configparser
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from stackwire.image.domain.attributes import RESERVED_PREFIX
from stackwire.image.domain.image import Difference, Image

VERBS: Final = ("create", "read", "update", "delete")
Allows = Callable[[str], bool]
"""Whether the caller satisfies a policy rule, for files in policy format."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One section: verb to the roles (or the one policy) that may."""

    name: re.Pattern[str]
    may: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Protection:
    """The rules of a file. ``by_policy``: cells name a policy rule instead of roles."""

    rules: tuple[Rule, ...]
    by_policy: bool = False

    def allows(self, roles: Iterable[str], verb: str, name: str, allows: Allows) -> bool:
        """Whether the caller with these roles may do ``verb`` to the property."""
        if name.startswith(RESERVED_PREFIX):
            return True
        rule = next((rule for rule in self.rules if rule.name.search(name)), None)
        if rule is None:
            return False
        cell = rule.may[verb]
        if "!" in cell:
            return False
        if "@" in cell:
            return True
        if self.by_policy and cell:
            return allows(cell[0])
        return bool(set(cell) & {role.lower() for role in roles})

    def policies(self) -> frozenset[str]:
        """The names of the policy rules that it refers to."""
        cells = {cell[0] for rule in self.rules for cell in rule.may.values() if cell}
        return frozenset(cells - {"@", "!"}) if self.by_policy else frozenset()


class InvalidProtection(ValueError):
    """The property protection file cannot be used."""


def read(text: str, *, by_policy: bool = False) -> Protection:
    """The rules of a file's text. Raises InvalidProtection."""
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read_string(text)
        rules = tuple(
            Rule(re.compile(title), {verb: _cell(parser, title, verb, by_policy) for verb in VERBS})
            for title in parser.sections()
            if not title.startswith(RESERVED_PREFIX)
        )
    except (configparser.Error, re.error) as error:
        raise InvalidProtection(f"property protection file: {error}") from error
    return Protection(rules, by_policy)


def _cell(parser: configparser.ConfigParser, title: str, verb: str, by_policy: bool) -> tuple[str, ...]:
    if not parser.has_option(title, verb):
        raise InvalidProtection(f"property protection file: [{title}] does not say who may {verb}")
    cell = tuple(part.strip() for part in parser.get(title, verb).split(",") if part.strip())
    if "@" in cell and "!" in cell:
        raise InvalidProtection(f"property protection file: [{title}] {verb} has both @ and !")
    if by_policy and len(cell) > 1:
        raise InvalidProtection(f"property protection file: [{title}] {verb} names more than one policy")
    return cell if by_policy else tuple(role.lower() for role in cell)


def forbidden_changes(may: Callable[[str, str], bool], before: Image, change: Difference) -> list[str]:
    """The properties that the caller may not change like this. ``may(verb, name)``; an update needs read, too."""
    updated = [name for name in change.set if name not in change.new]
    return [
        *(name for name in change.new if not may("create", name)),
        *(name for name in updated if not (may("update", name) and may("read", name))),
        *(name for name in change.removed if not may("delete", name)),
    ]
