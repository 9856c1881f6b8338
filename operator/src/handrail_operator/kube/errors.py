"""What the API server answers when it does not do what was asked.

    ApiError                 any other answer; `status` 0 where there was none
      Unreachable            no answer after all tries: connection, TLS, time-out, 429 or 5xx to the end
      Unauthorized           401, also with credentials that were read anew
      Forbidden              403: rights, quota, admission
      NotFound               404
      AlreadyExists          409 of a create
      Conflict               409 or a failed `test`: the object has changed since it was read
        Conflicts            409 of an apply without force: other managers hold fields
      Gone                   410: a watch or a list must begin anew
      Invalid                400, 422: the object is not what its kind allows

No text holds a value of a Secret.
"""

import re
from collections.abc import Mapping
from typing import Any

_HOLDER = re.compile(r'conflict with "([^"]*)"')
_MALFORMED = ("failed to create typed patch object", "failed to convert new object")


class ApiError(Exception):
    """`reason` as the API server spells it, `message` for people."""

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason
        self.message = message


class Unreachable(ApiError):
    """No usable answer after all tries."""


class Unauthorized(ApiError):
    """The credentials are not, or no longer, good."""


class Forbidden(ApiError):
    """Rights, quota, or an admission rule."""


class NotFound(ApiError):
    """No such object, or no such kind."""


class AlreadyExists(ApiError):
    """Another object has the name; after a lost answer it may be one's own: compare what it holds."""


class Conflict(ApiError):
    """The object is not what it was when it was read."""


class Conflicts(Conflict):
    """Fields that other managers hold: (path, manager)."""

    def __init__(self, status: int, reason: str, message: str, fields: list[tuple[str, str]]) -> None:
        super().__init__(status, reason, message)
        self.fields = fields


class Gone(ApiError):
    """The version asked for is no longer kept."""


class Invalid(ApiError):
    """The object breaks a rule of its kind; the text says which field and why."""

    test_failed = False
    """Of a JSON patch: no rule is broken, the object is another than was thought."""


_BY_STATUS: Mapping[int, type[ApiError]] = {
    400: Invalid,
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    410: Gone,
    422: Invalid,
    429: Unreachable,
}


def from_answer(status: int, answer: Mapping[str, Any], *, secret: bool = False) -> ApiError:
    """The error that a Status object means. `secret`: the call was about Secrets, so what the server says of the
    content is left out."""
    reason = str(answer.get("reason") or status)
    message = str(answer.get("message") or f"the API server answered {status}")
    causes = [one for one in (answer.get("details") or {}).get("causes") or [] if isinstance(one, dict)]
    if secret and (status not in (0, 401, 403, 404, 409, 410, 429) or "admission webhook" in message):
        fields = ", ".join(sorted({str(one["field"]) for one in causes if one.get("field")}))
        message = f"the Secret was not taken ({reason}{': ' + fields if fields else ''})"
    if status == 409 and reason == "AlreadyExists":
        return AlreadyExists(status, reason, message)
    held = [(str(one.get("field", "")), found[1]) for one in causes if (found := _holder(one))]
    if status == 409 and held:
        return Conflicts(status, reason, message, held)
    if status == 422 and any(one.get("field") == "metadata.uid" for one in causes):
        return Conflict(status, reason, message)
    if is_malformed_apply(status, answer):
        return Invalid(status, reason, message)
    error = _BY_STATUS.get(status, ApiError if 0 < status < 500 else Unreachable)(status, reason, message)
    if isinstance(error, Invalid):
        error.test_failed = status == 422 and not causes
    return error


def is_malformed_apply(status: int, answer: Mapping[str, Any]) -> bool:
    """Whether a 500 means a field or a value that the kind cannot have: trying again would be in vain."""
    return status == 500 and str(answer.get("message")).startswith(_MALFORMED)


def _holder(cause: Mapping[str, Any]) -> re.Match[str] | None:
    if cause.get("reason") != "FieldManagerConflict":
        return None
    return _HOLDER.search(str(cause.get("message", "")))
