"""One request's surroundings: who, where, and in whose product."""

from dataclasses import dataclass

from starlette.responses import RedirectResponse, Response

from handrail_cli.demo.config_file import DemoTenant
from handrail_cli.demo.product import Item, Product
from handrail_cli.demo.visitors import COOKIE, Desk


@dataclass(frozen=True)
class Visit:
    name: str
    tenant: DemoTenant
    gateway: str
    product: Product
    visitor: str
    desk: Desk
    renamed: bool = False
    """The page is shown as after a release that gave a button another id."""

    @property
    def items(self) -> tuple[Item, ...]:
        """Newest first; the product's own examples last."""
        return (*self.desk.items, *self.product.seeds)

    def url(self, path: str = "") -> str:
        return f"/{self.name}/{path}"

    def leave(self, path: str, notice: str = "") -> Response:
        """To another page, with something to say there."""
        self.desk.notice = notice or self.desk.notice
        response = RedirectResponse(self.url(path), 303)
        self.remember(response)
        return response

    def remember(self, response: Response) -> None:
        response.set_cookie(COOKIE, self.visitor, httponly=True, samesite="lax")
        response.headers["Cache-Control"] = "no-cache"
