"""The forms of texts in a tenant's spec, and what a person is told where a text has another. Pure.

`WORDS` serves both sides: the models' refusals, and the API server's, which would show the pattern itself.
"""

from handrail_contracts import durations, names

NAME = r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$"
SECRET_NAME = r"^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$"  # noqa: S105 - a form, not a secret
SECRET_KEY = r"^\.?[-_a-zA-Z0-9][-._a-zA-Z0-9]*$"  # noqa: S105 - as above
"""Each key becomes a file's name: neither `.` nor `..`, nor what begins with `..`, as Kubernetes has it, too."""
EVENT_TYPE = r"^[a-z][a-z0-9_]{0,63}$"
LANGUAGE = r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$"
COLOUR = r"^(#[0-9A-Fa-f]{6})?$"
EMAIL = r"^[^@\s,;<>]+@[^@\s,;<>]+$"
ADDRESS = r"^(https?://\S+)?$"
AMOUNT = r"^(1000000(\.0{1,2})?|[0-9]{1,6}(\.[0-9]{1,2})?)$"
_PORT = r"(:([0-9]|[1-9][0-9]{1,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]))?"
ORIGIN = rf"^(\*|https?://([a-z0-9._-]+|\[[0-9a-f:.]*:[0-9a-f:.]*\]){_PORT})$"

ORIGIN_WANTED = "an origin like https://app.example.com is wanted, exactly scheme://host[:port], in lower case"
AMOUNT_WANTED = 'an amount from "0" to "1000000" is wanted, such as "50.00", in quotes'
_LABEL = "lower-case letters, digits and hyphens, a letter or digit at both ends, at most {} characters"

WORDS = {
    names.TENANT_NAME_PATTERN: f"a name like acme is wanted: {_LABEL.format(40)}",
    NAME: f"a name like first-project is wanted: {_LABEL.format(63)}",
    SECRET_NAME: (
        "the name of a Secret like acme-llm is wanted: lower-case letters, digits, hyphens and dots, a letter or digit"
        " at both ends, at most 253 characters"
    ),
    SECRET_KEY: (
        "a key of a Secret like api-key is wanted: letters, digits, hyphens, dots and underscores, and no more than one"
        " dot at its beginning"
    ),
    EVENT_TYPE: (
        "the type of an event like page_view is wanted: lower-case letters, digits and underscores, a letter first, at"
        " most 64 characters"
    ),
    LANGUAGE: "a language tag like en or de-AT is wanted",
    COLOUR: "a colour like #4f46e5 is wanted, in quotes, or an empty text for the default",
    EMAIL: "an address like help@example.com is wanted",
    ADDRESS: "an address like https://llm.example.com/v1 is wanted, or an empty text",
    AMOUNT: AMOUNT_WANTED,
    ORIGIN: ORIGIN_WANTED,
    durations.PATTERN: durations.WANTED,
}
