"""One call of the public API. Raises Failed, or Refused with the platform's own words."""

from typing import Any

import httpx2

from handrail_cli.client.options import Failed
from handrail_cli.client.target import Target
from handrail_contracts import names


class Refused(Failed):
    """An answer that is an error; `code` and `detail` as the platform gives them, empty where it gave none."""

    def __init__(self, text: str, status: int, code: str, detail: str) -> None:
        super().__init__(text)
        self.status = status
        self.code = code
        self.detail = detail


def call(target: Target, method: str, path: str, body: Any = None) -> Any:
    """The decoded answer; None where there is no body."""
    headers = {names.HEADER_API_KEY: target.key} if target.key else {}
    try:
        with httpx2.Client(base_url=target.url, timeout=15, trust_env=False) as client:
            answer = client.request(method, path, json=body, headers=headers)
    except httpx2.HTTPError as error:
        reason = str(error) or type(error).__name__
        raise Failed(f"{target.url} does not answer: {reason}. See `handrail status`.") from error
    if answer.is_success:
        return answer.json() if answer.content else None
    raise _refused(answer)


def _refused(answer: httpx2.Response) -> Refused:
    code = detail = ""
    try:
        problem = answer.json()
        code, detail = str(problem["code"]), str(problem.get("detail") or "")
        text = f"{problem['title']} ({code}): {detail or 'no more is known'}"
        if request_id := problem.get("request_id"):
            text += f" [request {request_id}]"
    except (ValueError, KeyError, TypeError):
        text = f"the platform answered {answer.status_code}"
    if answer.status_code == 401:
        text += " Use a live secret key; `handrail keys create` makes one."
    return Refused(text, answer.status_code, code, detail)
