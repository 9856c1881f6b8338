"""What answers of the API server mean, and that none of it tells a secret."""

import pytest

from handrail_operator.kube import errors


def status(code: int, reason: str = "", message: str = "no", causes: list[dict[str, str]] | None = None):
    return {"code": code, "reason": reason, "message": message, "details": {"causes": causes or []}}


@pytest.mark.parametrize(
    ("code", "reason", "kind"),
    [
        (400, "BadRequest", errors.Invalid),
        (401, "Unauthorized", errors.Unauthorized),
        (403, "Forbidden", errors.Forbidden),
        (404, "NotFound", errors.NotFound),
        (409, "AlreadyExists", errors.AlreadyExists),
        (409, "Conflict", errors.Conflict),
        (410, "Expired", errors.Gone),
        (422, "Invalid", errors.Invalid),
        (429, "TooManyRequests", errors.Unreachable),
        (500, "InternalError", errors.Unreachable),
        (504, "Timeout", errors.Unreachable),
        (0, "Unreachable", errors.Unreachable),
        (418, "Teapot", errors.ApiError),
    ],
)
def test_each_answer_has_its_error(code, reason, kind):
    found = errors.from_answer(code, status(code, reason, "words for people"))
    assert type(found) is kind
    assert (found.status, found.reason, found.message, str(found)) == (
        code, reason, "words for people", "words for people",
    )  # fmt: skip


def test_an_answer_of_a_proxy_is_told_by_its_number():
    assert errors.from_answer(502, {}).message == "the API server answered 502"
    assert errors.from_answer(502, {}).reason == "502"


def test_conflicts_name_fields_and_their_managers():
    causes = [
        {"reason": "FieldManagerConflict", "message": 'conflict with "kubectl" using v1', "field": ".spec.plan"},
        {"reason": "FieldManagerConflict", "message": 'conflict with "argo cd"', "field": '.spec.x[name="a"].y'},
    ]
    found = errors.from_answer(409, status(409, "Conflict", "Apply failed", causes))
    assert isinstance(found, errors.Conflicts)
    assert found.fields == [(".spec.plan", "kubectl"), ('.spec.x[name="a"].y', "argo cd")]


def test_another_object_of_the_name_is_a_conflict():
    causes = [{"field": "metadata.uid", "message": "field is immutable"}]
    assert type(errors.from_answer(422, status(422, "Invalid", "no", causes))) is errors.Conflict


def test_a_field_that_the_kind_does_not_have_is_invalid_and_not_tried_again():
    answer = status(500, "", "failed to create typed patch object (a/b; v1): .spec.foo: field not declared in schema")
    assert errors.is_malformed_apply(500, answer)
    assert isinstance(errors.from_answer(500, answer), errors.Invalid)


@pytest.mark.parametrize("code", [400, 422, 500, 503, 418])
def test_what_is_said_of_a_secrets_content_is_not_passed_on(code):
    causes = [{"field": "data[password]", "message": "hunter2 is bad"}]
    found = errors.from_answer(code, status(code, "Invalid", "bad value hunter2", causes), secret=True)
    assert "hunter2" not in f"{found!r} {found} {found.message}"
    assert "data[password]" in found.message


def test_a_webhooks_words_about_a_secret_are_not_passed_on():
    answer = status(403, "Forbidden", 'admission webhook "x" denied the request: hunter2')
    assert "hunter2" not in errors.from_answer(403, answer, secret=True).message


def test_rights_and_quota_are_told_of_secrets_too():
    answer = status(403, "Forbidden", 'secrets "a" is forbidden: exceeded quota: q')
    assert "exceeded quota" in errors.from_answer(403, answer, secret=True).message
