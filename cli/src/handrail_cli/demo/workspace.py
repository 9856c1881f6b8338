"""The trade of acme: a friendly workspace for projects."""

from collections.abc import Sequence
from datetime import date

from handrail_cli.demo.product import Field, Item, Product, Section, Tab, Values

_SATURDAY = 5


def check(values: Values, items: Sequence[Item], today: date) -> dict[str, str]:
    """Picky, and not too generous with reasons: people trip here."""
    wrong: dict[str, str] = {}
    key = values.get("key", "")
    if not values.get("name", "").strip():
        wrong["name"] = "Please enter a name."
    if not (len(key) == 3 and key.isascii() and key.isalpha() and key.isupper()):
        wrong["key"] = "Key is not valid."
    elif any(item.cells[0] == key for item in items):
        wrong["key"] = "Key is taken."
    try:
        due = date.fromisoformat(values.get("due", ""))
    except ValueError:
        wrong["due"] = "Pick a date."
    else:
        if due <= today or due.weekday() >= _SATURDAY:
            wrong["due"] = "This date is not available."
    return wrong


def make(values: Values) -> Item:
    return Item(values["name"].strip(), (values["key"], values.get("template", ""), values["due"]), "Planned")


PRODUCT = Product(
    noun="project",
    nouns="projects",
    look="side",
    greeting="Good to see you",
    empty_title="Drop your ideas here",
    empty_text="Everything your team plans starts as a project.",
    columns=("Key", "Template", "Due"),
    intro="A project holds tasks, files and people. You can change everything later, except the key.",
    submit_id="save-project",
    submit="Create project",
    fields=(
        Field("name", "Name", hint="e.g. Spring launch", wide=True),
        Field("key", "Key", hint="e.g. SPR"),
        Field("template", "Template", "select", options=("Blank", "Product launch", "Sprint", "Event")),
        Field("due", "Due date", "date"),
        Field("notes", "Notes", "textarea", wide=True),
    ),
    check=check,
    make=make,
    seeds=(
        Item("Website refresh", ("WEB", "Product launch", "2027-01-29"), "On track"),
        Item("Partner onboarding", ("PAR", "Blank", "2027-02-12"), "At risk"),
    ),
    figures=(("Open tasks", "18"), ("Due this week", "4"), ("Files shared", "37")),
    team_title="People",
    team_intro="Invite the people you work with. Guests see only what you share.",
    people=(("Mara Lindqvist", "Owner"), ("Jonas Okafor", "Member"), ("Priya Raman", "Member")),
    tabs=(
        Tab(
            "general",
            "General",
            (
                Section(
                    "profile",
                    "Profile",
                    fields=(
                        Field("title", "Workspace name", hint="Shown in the top corner"),
                        Field(
                            "zone", "Time zone", "select", options=("Europe/Berlin", "America/New_York", "Asia/Tokyo")
                        ),
                    ),
                ),
                Section(
                    "calendar",
                    "Calendar",
                    fields=(
                        Field("week", "Week starts on", "select", options=("Monday", "Sunday")),
                        Field("hours", "Working hours", hint="9 - 17"),
                    ),
                ),
            ),
        ),
        Tab(
            "features",
            "Features",
            (
                Section("boards", "Boards", fields=(Field("columns", "Default columns", hint="To do, Doing, Done"),)),
                Section("fields", "Custom fields", "No custom fields yet."),
            ),
        ),
        Tab(
            "notifications",
            "Notifications",
            (
                Section(
                    "email", "E-mail", fields=(Field("digest", "Digest", "select", options=("Daily", "Weekly", "Off")),)
                ),
            ),
        ),
        Tab(
            "advanced",
            "Advanced",
            (
                Section("export", "Export", "Exports are prepared overnight and sent to the owner."),
                Section(
                    "safety",
                    "Safety",
                    "New workspaces are protected against changes by accident.",
                    unlocks="Allow changes to settings",
                ),
            ),
        ),
    ),
    articles=(
        ("What is a key?", "Three capital letters that stand before the number of every task, like SPR-12."),
        ("Which dates can I choose?", "Due dates are working days in the future."),
        ("Why can't I save settings?", "A new workspace is protected. See Advanced, Safety."),
        ("How do I invite guests?", "Open People and enter an address. The invitation is valid for a week."),
    ),
)
