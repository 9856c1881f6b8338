"""What openai raises, as ProviderUnavailable: a code, and whether trying again may help.

Nothing of an answer's text is passed on: an endpoint may echo the key in it.
"""

from datetime import datetime

import httpx2
import openai

from handrail_runtime import retry_after
from handrail_runtime.agent.providers.provider import ProviderUnavailable
from handrail_runtime.outbound import AnswerTooLarge, OutboundRefused

ERRORS = (openai.OpenAIError, OutboundRefused, httpx2.HTTPError, httpx2.InvalidURL, UnicodeError, OSError)
"""What one request may raise."""


def read(error: BaseException, now: datetime) -> ProviderUnavailable:
    """The fault behind an error of ERRORS."""
    causes = list(_causes(error))
    for cause in causes:
        if isinstance(cause, OutboundRefused):
            # Ours, about the host of the tenant's own file.
            return ProviderUnavailable(str(cause), code="llm_unreachable")
        if isinstance(cause, AnswerTooLarge):
            return ProviderUnavailable("the answer is too large", code="llm_invalid")
    if isinstance(error, openai.APITimeoutError) or any(isinstance(each, httpx2.TimeoutException) for each in causes):
        return ProviderUnavailable("no answer in time", code="llm_timeout", curable=True)
    if isinstance(error, openai.APIStatusError):
        return _of_status(error, now)
    if isinstance(error, openai.APIConnectionError | httpx2.TransportError | OSError):
        return ProviderUnavailable("no connection, or it was cut off", code="llm_unreachable", curable=True)
    return ProviderUnavailable(f"the request could not be made: {type(error).__name__}", code="llm_rejected")


def _of_status(error: openai.APIStatusError, now: datetime) -> ProviderUnavailable:
    status = error.status_code
    after = retry_after.seconds(error.response.headers.get("retry-after"), now)
    if status in (401, 403):
        return ProviderUnavailable(f"the endpoint does not accept the key ({status})", code="llm_auth")
    if status == 429 and error.code == "insufficient_quota":
        return ProviderUnavailable("the account has no credit left", code="llm_quota_spent")
    if status == 429:
        return ProviderUnavailable("too many requests", code="llm_rate_limited", curable=True, after=after)
    if status >= 500:
        return ProviderUnavailable(f"the endpoint fails ({status})", code="llm_server_error", curable=True, after=after)
    if 300 <= status < 400:
        return ProviderUnavailable(
            "the endpoint redirects, which is not followed; llm.baseURL must name the place itself",
            code="llm_unreachable",
        )
    curable = status in (408, 409)
    return ProviderUnavailable(f"the endpoint refuses the request ({status})", code="llm_rejected", curable=curable)


def _causes(error: BaseException | None) -> "list[BaseException]":
    found: list[BaseException] = []
    while error is not None and error not in found:
        found.append(error)
        error = error.__cause__ or error.__context__
    return found
