"""The trade of globex: invoicing for enterprises, formal and dense."""

import re
from collections.abc import Sequence
from datetime import date, timedelta

from handrail_cli.demo.product import Field, Item, Product, Section, Tab, Values

_ORDER = re.compile(r"PO-\d{6}")
_AMOUNT = re.compile(r"\d{1,3}(\.\d{3})*,\d{2}")
_TERM = timedelta(days=14)


def check(values: Values, items: Sequence[Item], today: date) -> dict[str, str]:
    """Enterprise rules, enterprise messages."""
    wrong: dict[str, str] = {}
    if not values.get("customer", "").strip():
        wrong["customer"] = "Customer is mandatory."
    if not _ORDER.fullmatch(values.get("order", "")):
        wrong["order"] = "Purchase order reference could not be matched."
    elif any(item.cells[0] == values["order"] for item in items):
        wrong["order"] = "Purchase order has been invoiced."
    if not _AMOUNT.fullmatch(values.get("amount", "")):
        wrong["amount"] = "Amount does not comply with the entity's number format."
    try:
        due = date.fromisoformat(values.get("due", ""))
    except ValueError:
        wrong["due"] = "Payment date is mandatory."
    else:
        if due < today + _TERM:
            wrong["due"] = "Payment date conflicts with the agreed terms."
    return wrong


def make(values: Values) -> Item:
    cells = (values["order"], values.get("centre", ""), values["amount"], values["due"])
    return Item(values["customer"].strip(), cells, "Submitted")


PRODUCT = Product(
    noun="invoice",
    nouns="invoices",
    look="top",
    greeting="Accounts receivable",
    empty_title="No drafts",
    empty_text="Drafts and recurring invoices are listed in this area.",
    columns=("Purchase order", "Cost centre", "Net EUR", "Payment due"),
    intro="Issue an invoice against an approved purchase order. All fields are validated by the entity's rules.",
    submit_id="send-invoice",
    submit="Issue invoice",
    fields=(
        Field("customer", "Customer", hint="Legal name", wide=True),
        Field("order", "Purchase order", hint="Reference as approved"),
        Field("centre", "Cost centre", "select", options=("4100 Sales", "4200 Services", "4900 Other")),
        Field("amount", "Net amount (EUR)", hint="1.250,00"),
        Field("due", "Payment date", "date"),
        Field("remark", "Remark to customer", "textarea", wide=True),
    ),
    check=check,
    make=make,
    seeds=(
        Item("Initech Ltd", ("PO-104211", "4100 Sales", "18.400,00", "2027-01-15"), "Paid"),
        Item("Umbra Logistics SE", ("PO-104377", "4200 Services", "2.950,00", "2027-01-31"), "Overdue"),
        Item("Vandelay Imports", ("PO-104390", "4100 Sales", "7.120,50", "2027-02-28"), "Submitted"),
    ),
    figures=(("Outstanding", "EUR 128.400"), ("Overdue", "EUR 2.950"), ("Days sales outstanding", "41")),
    team_title="Users",
    team_intro="Request access for an employee. Requests are subject to approval by the entity's controller.",
    people=(("A. Whitcombe", "Controller"), ("R. Duval", "Clerk"), ("S. Ibarra", "Auditor (read only)")),
    tabs=(
        Tab(
            "entity",
            "Entity",
            (
                Section(
                    "master-data",
                    "Master data",
                    fields=(Field("title", "Registered name"), Field("vat", "VAT identification number")),
                ),
                Section("bank", "Bank accounts", fields=(Field("iban", "IBAN"), Field("bic", "BIC"))),
            ),
        ),
        Tab(
            "tax",
            "Tax",
            (
                Section(
                    "rates", "Rates", fields=(Field("rate", "Default rate", "select", options=("19 %", "7 %", "0 %")),)
                ),
                Section("reporting", "Reporting", "No reporting periods are open."),
            ),
        ),
        Tab(
            "numbering",
            "Numbering",
            (
                Section(
                    "ranges", "Ranges", fields=(Field("prefix", "Prefix", hint="INV-"), Field("next", "Next number"))
                ),
            ),
        ),
        Tab(
            "approvals",
            "Approvals",
            (
                Section("limits", "Limits", fields=(Field("limit", "Approval limit (EUR)"),)),
                Section(
                    "delegates",
                    "Delegates",
                    "Changes to entity settings need a second approver unless delegated.",
                    unlocks="Delegate approval of settings to me",
                ),
            ),
        ),
    ),
    articles=(
        ("Purchase order references", "A reference consists of PO, a hyphen and six digits, and is invoiced once."),
        ("Number format", "Amounts are written with a decimal comma and two places, thousands by points."),
        ("Payment terms", "The payment date lies at least fourteen days ahead."),
        ("Settings cannot be saved", "Approval must be delegated first. Refer to Approvals, Delegates."),
    ),
)
