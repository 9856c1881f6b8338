"""The read API's paths: parse, call, return."""

from collections.abc import Callable, Coroutine
from typing import Annotated, Any
from urllib.parse import unquote_to_bytes
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.convertors import Convertor, register_url_convertor

from handrail_contracts import names
from handrail_contracts.events import MAX_ID
from handrail_contracts.principal import Scope
from handrail_contracts.problems import MEDIA_TYPE, Problem, ProblemBody, ProblemItem
from handrail_runtime.realtime.api import lists, models, shown
from handrail_runtime.realtime.api.mending import Mending
from handrail_runtime.realtime.api.reader import Reader
from handrail_runtime.realtime.api.targets import TargetList, TargetQuery
from handrail_runtime.realtime.principals import Verifier

PREFIX = "/api/v1"
USERS = f"{PREFIX}/users/"
READERS: frozenset[Scope] = frozenset({"secret", "dashboard"})
CHANGERS: frozenset[Scope] = frozenset({"secret"})


class _Anything(Convertor[str]):
    """Any text, also with `/` and line breaks: user ids may hold both."""

    regex = "(?s:.+)"

    def convert(self, value: str) -> str:
        return value

    def to_string(self, value: str) -> str:
        return value


register_url_convertor("anything", _Anything())


class _ProblemRoute(APIRoute):
    """Wrong parameters become the one problem body."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def handler(request: Request) -> Response:
            check_query(request.scope["query_string"])
            try:
                return await handle(request)
            except RequestValidationError as error:
                # From the root of query or path, without the word that says which.
                found = [ProblemItem(loc=list(item["loc"])[1:], msg=item["msg"]) for item in error.errors()]
                raise Problem("invalid", errors=found) from error

        return handler


def check_query(query: bytes) -> None:
    """Raises Problem for a parameter that is not UTF-8: read with marks in its place it would mean something else."""
    for pair in query.split(b"&"):
        name, _, value = pair.partition(b"=")
        try:
            unquote_to_bytes(value).decode()
        except UnicodeDecodeError as error:
            place = unquote_to_bytes(name).decode(errors="replace")
            raise Problem("invalid", errors=[ProblemItem(loc=[place], msg="not UTF-8")]) from error


def user_id_of(raw_path: bytes) -> str:
    """The user id in the path as it came, percent-encoded. Raises Problem."""
    encoded = raw_path.partition(b"?")[0].removeprefix(USERS.encode())
    if b"/" in encoded:
        raise Problem("not_found", "A user id holds no slash here: it is percent-encoded in a path.")
    try:
        user_id = unquote_to_bytes(encoded).decode()
    except UnicodeDecodeError as error:
        raise _bad_id("not UTF-8") from error
    if not user_id or len(user_id) > MAX_ID or "\0" in user_id:
        raise _bad_id(f"1 to {MAX_ID} characters without NUL are wanted")
    return user_id


def _bad_id(message: str) -> Problem:
    return Problem("invalid", errors=[ProblemItem(loc=["user_id"], msg=message)])


_PROBLEMS = {
    400: "Not HTTP that can be read.",
    401: "The key is missing, unknown or revoked.",
    403: "This key may not do that.",
    404: "There is no such thing.",
    409: "It is under way already.",
    413: "Too large.",
    422: "Not valid; `errors` names each bad parameter.",
    429: "Too many requests; see Retry-After.",
    503: "Not now; see Retry-After.",
}


def _problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    schema = {"$ref": f"#/components/schemas/{ProblemBody.__name__}"}
    content = {MEDIA_TYPE: {"schema": schema}}
    return {status: {"description": _PROBLEMS[status], "content": content} for status in statuses}


def create_router(reader: Reader, targets: TargetList, mending: Mending, principals: Verifier) -> APIRouter:
    """Pure: neither database nor key file is touched before the first request."""

    def reading(request: Request) -> None:
        principals.verify(request.headers.get(names.HEADER_PRINCIPAL), READERS)

    router = APIRouter(
        prefix=PREFIX,
        route_class=_ProblemRoute,
        dependencies=[Depends(reading)],
        responses=_problems(400, 401, 403, 413, 422, 429, 503),
        tags=["read"],
    )

    @router.get("/events", summary="Events")
    async def list_events(query: Annotated[lists.EventQuery, Query()]) -> models.EventPage:
        return models.EventPage.model_validate(await reader.page(lists.EVENTS, query))

    @router.get("/users", summary="Users")
    async def list_users(query: Annotated[lists.PageQuery, Query()]) -> models.UserPage:
        return models.UserPage.model_validate(await reader.page(lists.USERS, query))

    @router.get("/users/{user_id:anything}", summary="One user", responses=_problems(404))
    async def get_user(request: Request, user_id: str) -> models.UserDetail:  # noqa: ARG001 - read from the raw path
        """The id is percent-encoded, `/` included."""
        return models.UserDetail.model_validate(await reader.user(user_id_of(request.scope["raw_path"])))

    @router.get("/sessions", summary="Sessions")
    async def list_sessions(query: Annotated[lists.SessionQuery, Query()]) -> models.SessionPage:
        return models.SessionPage.model_validate(await reader.page(lists.SESSIONS, query))

    @router.get("/nudges", summary="Nudges")
    async def list_nudges(query: Annotated[lists.SessionQuery, Query()]) -> models.NudgePage:
        return models.NudgePage.model_validate(await reader.page(lists.NUDGES, query))

    @router.get("/decisions", summary="Decisions")
    async def list_decisions(query: Annotated[lists.SessionQuery, Query()]) -> models.DecisionPage:
        return models.DecisionPage.model_validate(await reader.page(lists.DECISIONS, query))

    @router.get("/escalations", summary="Escalations")
    async def list_escalations(query: Annotated[lists.SessionQuery, Query()]) -> models.EscalationPage:
        return models.EscalationPage.model_validate(await reader.page(lists.ESCALATIONS, query))

    @router.get("/targets", summary="Elements that the config counts on")
    async def list_targets(query: Annotated[TargetQuery, Query()]) -> models.TargetItems:
        """Whether they are still in the pages: missing ones first, each with what is most like it."""
        return models.TargetItems.model_validate(await targets.page(query))

    _add_what_failed(router, reader)
    _add_changes(router, mending, principals)
    return router


def _add_what_failed(router: APIRouter, reader: Reader) -> None:
    @router.get("/deadletters", summary="Dead letters")
    async def list_dead_letters(query: Annotated[lists.DeadLetterQuery, Query()]) -> models.DeadLetterPage:
        """What could not be read or stored."""
        page = await reader.page(lists.DEAD_LETTERS, query)
        return models.DeadLetterPage.model_validate(page | {"items": [*map(shown.dead_letter, page["items"])]})

    @router.get("/runs", summary="Failed runs")
    async def list_runs(query: Annotated[lists.RunQuery, Query()]) -> models.RunPage:
        """Runs of the agent that were given up."""
        page = await reader.page(lists.RUNS, query)
        return models.RunPage.model_validate(page | {"items": [*map(shown.run, page["items"])]})


def _add_changes(router: APIRouter, mending: Mending, principals: Verifier) -> None:
    def changing(request: Request) -> None:
        principals.verify(request.headers.get(names.HEADER_PRINCIPAL), CHANGERS)
        if request.query_params:
            # A filter that is not heeded must not become a call that means all.
            errors = [ProblemItem(loc=[name], msg="no parameter is taken here") for name in request.query_params]
            raise Problem("invalid", errors=errors)

    changes: dict[str, Any] = {"dependencies": [Depends(changing)], "tags": ["mend"]}

    @router.post("/deadletters/retry", summary="Put all open dead letters back", **changes)
    async def retry_all() -> models.Retried:
        """Each is tried again; what fails again is open again."""
        retried, more = await mending.retry_all()
        return models.Retried(retried=retried, more=more)

    @router.delete("/deadletters", summary="Drop all open dead letters", **changes)
    async def drop_all() -> models.Dropped:
        """There is no way back."""
        return models.Dropped(dropped=await mending.drop_all())

    @router.post(
        "/deadletters/{dead_letter_id}/retry",
        summary="Put a dead letter back",
        status_code=204,
        responses=_problems(404),
        **changes,
    )
    async def retry(dead_letter_id: UUID) -> None:
        """It is tried again; where it fails again it is open again."""
        await mending.retry(dead_letter_id)

    @router.delete(
        "/deadletters/{dead_letter_id}",
        summary="Drop a dead letter",
        status_code=204,
        responses=_problems(404),
        **changes,
    )
    async def drop(dead_letter_id: UUID) -> None:
        """There is no way back."""
        await mending.drop(dead_letter_id)

    @router.post("/runs/{run_id}/resume", summary="Resume a failed run", responses=_problems(404, 409), **changes)
    async def resume(run_id: UUID) -> models.RunResumed:
        """It is taken up at the step that failed."""
        await mending.resume(run_id)
        return models.RunResumed(run_id=run_id, status="resuming")

    @router.post(
        "/escalations/{escalation_id}/close", summary="Close an escalation", responses=_problems(404), **changes
    )
    async def close(escalation_id: UUID) -> models.EscalationItem:
        """Somebody has taken care of it: the agent may nudge here again."""
        return models.EscalationItem.model_validate(await mending.close_escalation(escalation_id))

    @router.post(
        "/escalations/{escalation_id}/retry",
        summary="Deliver an escalation again",
        responses=_problems(404),
        **changes,
    )
    async def deliver_again(escalation_id: UUID) -> models.EscalationItem:
        """What kept an alert from being delivered is mended: one more attempt where it was given up."""
        return models.EscalationItem.model_validate(await mending.deliver_again(escalation_id))
