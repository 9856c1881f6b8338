"""What a demo product is made of: its trade, its words, its form and its settings. Values only."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date

Values = dict[str, str]


@dataclass(frozen=True)
class Field:
    """One field of the form."""

    name: str
    label: str
    kind: str = "text"
    hint: str = ""
    options: tuple[str, ...] = ()
    wide: bool = False


@dataclass(frozen=True)
class Item:
    """What the product is about: a project, an invoice."""

    name: str
    cells: tuple[str, ...]
    state: str


Check = Callable[[Values, "tuple[Item, ...]", date], dict[str, str]]
"""What the server says of a filled-in form: field -> message; empty where it is good."""


@dataclass(frozen=True)
class Section:
    """A page of settings, within a tab."""

    slug: str
    title: str
    text: str = ""
    fields: tuple[Field, ...] = ()
    unlocks: str = ""
    """Label of the switch that brings the Save buttons to life, on the one section that has it."""


@dataclass(frozen=True)
class Tab:
    slug: str
    title: str
    sections: tuple[Section, ...]


@dataclass(frozen=True)
class Product:
    """One trade. `noun` is also the form's id, `nouns` the page's path."""

    noun: str
    nouns: str
    look: str
    greeting: str
    empty_title: str
    empty_text: str
    columns: tuple[str, ...]
    intro: str
    submit_id: str
    submit: str
    fields: tuple[Field, ...]
    check: Check
    make: Callable[[Values], Item]
    seeds: tuple[Item, ...]
    figures: tuple[tuple[str, str], ...]
    team_title: str
    team_intro: str
    people: tuple[tuple[str, str], ...]
    tabs: tuple[Tab, ...]
    articles: tuple[tuple[str, str], ...]
    me: str = "You"
    extra: Values = field(default_factory=dict)
