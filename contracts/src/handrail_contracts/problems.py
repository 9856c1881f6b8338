"""The one error body of every HTTP answer (RFC 9457), and the codes it may carry.

Status and code sit together so that no handler chooses them anew.
"""

from pydantic import BaseModel, Field

MEDIA_TYPE = "application/problem+json"


class ProblemItem(BaseModel):
    """One wrong place in the input."""

    loc: list[str | int] = Field(description="Path from the body's root, e.g. ['events', 3, 'timestamp'].")
    msg: str = Field(description="What is wrong there, for a person.")


class ProblemBody(BaseModel):
    """`application/problem+json`."""

    type: str = "about:blank"
    title: str
    status: int
    code: str = Field(description="Stable and machine readable.")
    detail: str = ""
    request_id: str = ""
    errors: list[ProblemItem] = []


class Problem(Exception):
    """An answer that is an error. Raised anywhere behind the door, rendered in one place.

    Attributes: `code`, `detail`, `errors`, `retry_after` (seconds, or None), `status`.
    """

    def __init__(
        self,
        code: str,
        detail: str = "",
        *,
        errors: list[ProblemItem] | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(code)
        self.status, self.title = CODES[code]
        self.code = code
        self.detail = detail
        self.errors = errors or []
        self.retry_after = retry_after

    def body(self, request_id: str) -> ProblemBody:
        return ProblemBody(
            title=self.title,
            status=self.status,
            code=self.code,
            detail=self.detail,
            request_id=request_id,
            errors=self.errors,
        )


CODES: dict[str, tuple[int, str]] = {
    "bad_request": (400, "The request could not be read"),
    "key_missing": (401, "An API key is needed"),
    "key_unknown": (401, "This API key is unknown or revoked"),
    "principal_invalid": (401, "Not signed by the gateway"),
    "origin": (403, "This origin is not allowed"),
    "scope": (403, "This key may not do that"),
    "identity_required": (403, "This user needs proof of identity"),
    "identity_invalid": (403, "The proof of identity is not valid"),
    "token_expired": (403, "The token has expired"),
    "platform_field": (403, "This field belongs to the platform"),
    "not_found": (404, "There is no such thing"),
    "method_not_allowed": (405, "This method is not allowed here"),
    "conflict": (409, "Somebody else owns this field"),
    "precondition_failed": (412, "It has changed since you read it"),
    "too_large": (413, "The request is too large"),
    "unsupported_media_type": (415, "This content type or encoding is not supported"),
    "invalid": (422, "The request is not valid"),
    "rate_limited": (429, "Too many requests"),
    "internal": (500, "Something went wrong on our side"),
    "unavailable": (503, "Not available right now"),
    "stream_full": (503, "The stream cannot take more right now"),
    "suspended": (503, "This tenant is suspended"),
    "asleep": (503, "This tenant is waking up"),
}
