"""The demo's pages. A POST that is refused shows its page again with 422, one that is taken leads on with 303."""

from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from handrail_cli.demo.catalogue import product_of
from handrail_cli.demo.config_file import ConfigFile
from handrail_cli.demo.product import Section, Tab, Values
from handrail_cli.demo.visit import Visit
from handrail_cli.demo.visitors import COOKIE, Visitors

_HERE = Path(__file__).parent
_MAX_FORM = 20_000
_MAX_VALUE = 500


class Demo:
    """All handlers, with what they share."""

    def __init__(self, config: ConfigFile, visitors: Visitors) -> None:
        self._config = config
        self._visitors = visitors
        self._templates = Environment(
            loader=PackageLoader("handrail_cli.demo"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
        )

    async def healthz(self, _: Request) -> Response:
        return PlainTextResponse("ok")

    async def index(self, _: Request) -> Response:
        tenants = self._config.read().tenants
        return self._html("index.html", tenants=[(name, found.display_name) for name, found in tenants.items()])

    async def home(self, request: Request) -> Response:
        return self._page(self._visit(request), "dashboard.html", active="dashboard")

    async def items(self, request: Request) -> Response:
        visit = self._visit(request)
        if request.path_params["nouns"] != visit.product.nouns:
            raise HTTPException(404)
        return self._page(visit, "items.html", active="items")

    async def item_form(self, request: Request) -> Response:
        visit = self._visit(request)
        if request.path_params["nouns"] != visit.product.nouns:
            raise HTTPException(404)
        if request.method == "GET":
            return self._page(visit, "item_form.html", active="items", values={}, wrong={})
        values = await _form(request)
        wrong = visit.product.check(values, visit.items, date.today())  # noqa: DTZ011 - the visitor's own calendar day
        if wrong:
            return self._page(visit, "item_form.html", 422, active="items", values=values, wrong=wrong)
        visit.desk.add(visit.product.make(values))
        return visit.leave(visit.product.nouns, f"The {visit.product.noun} has been created.")

    async def team(self, request: Request) -> Response:
        visit = self._visit(request)
        if request.method == "GET":
            return self._page(visit, "team.html", active="team", address="", wrong="")
        address = (await _form(request)).get("email", "").strip()
        if "@" not in address or "." not in address.rpartition("@")[2]:
            return self._page(visit, "team.html", 422, active="team", address=address, wrong="Enter a valid address.")
        visit.desk.invited = [address, *visit.desk.invited][:20]
        return visit.leave("team", "The invitation is on its way.")

    async def settings_home(self, request: Request) -> Response:
        visit = self._visit(request)
        tab = visit.product.tabs[0]
        return visit.leave(f"settings/{tab.slug}/{tab.sections[0].slug}")

    async def settings(self, request: Request) -> Response:
        visit = self._visit(request)
        tab, section = _section(visit, request)
        if request.method == "POST":
            values = await _form(request)
            if section.unlocks:
                visit.desk.unlocked = "unlock" in values
            elif visit.desk.unlocked:
                visit.desk.settings.update({f"{section.slug}.{name}": value for name, value in values.items()})
                visit.desk.notice = "Settings saved."
            return visit.leave(f"settings/{tab.slug}/{section.slug}")
        return self._page(visit, "settings.html", active="settings", tab=tab, section=section)

    async def help(self, request: Request) -> Response:
        return self._page(self._visit(request), "help.html", active="help")

    def _visit(self, request: Request) -> Visit:
        config = self._config.read()
        name = request.path_params["tenant"]
        tenant = config.tenants.get(name)
        if tenant is None:
            raise HTTPException(404)
        visitor = request.cookies.get(COOKIE) or self._visitors.new_id()
        desk = self._visitors.desk(visitor, name)
        renamed = "renamed" in request.query_params
        return Visit(name, tenant, config.gateway, product_of(name), visitor, desk, renamed)

    def _page(self, visit: Visit, template: str, status: int = 200, **values: Any) -> Response:
        response = self._html(template, status, v=visit, p=visit.product, notice=visit.desk.say(), **values)
        visit.remember(response)
        return response

    def _html(self, template: str, status: int = 200, **values: Any) -> Response:
        return HTMLResponse(self._templates.get_template(template).render(**values), status)

    async def not_found(self, _: Request, __: Exception) -> Response:
        return self._html("not_found.html", 404)


def _section(visit: Visit, request: Request) -> tuple[Tab, Section]:
    for tab in visit.product.tabs:
        for section in tab.sections:
            if (tab.slug, section.slug) == (request.path_params["tab"], request.path_params["section"]):
                return tab, section
    raise HTTPException(404)


async def _form(request: Request) -> Values:
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MAX_FORM:
            raise HTTPException(413)
    return {name: value[:_MAX_VALUE] for name, value in parse_qsl(body.decode("utf-8", "replace"))}


def create_app(config: ConfigFile, visitors: Visitors) -> Starlette:
    demo = Demo(config, visitors)
    both = ["GET", "POST"]
    return Starlette(
        routes=[
            Route("/healthz", demo.healthz),
            Route("/", demo.index),
            Mount("/static", StaticFiles(directory=_HERE / "static")),
            Route("/{tenant}", demo.home),
            Route("/{tenant}/", demo.home),
            Route("/{tenant}/team", demo.team, methods=both),
            Route("/{tenant}/settings", demo.settings_home),
            Route("/{tenant}/settings/{tab}/{section}", demo.settings, methods=both),
            Route("/{tenant}/help", demo.help),
            Route("/{tenant}/{nouns}", demo.items),
            Route("/{tenant}/{nouns}/new", demo.item_form, methods=both),
        ],
        exception_handlers={404: demo.not_found},
    )
