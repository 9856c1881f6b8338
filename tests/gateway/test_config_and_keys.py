"""Config and keys through the API: read from the record, changed by the operator."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from handrail_contracts import names


class Operator:
    """Answers the gateway's requests in the platform's account."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.reply: dict[str, Any] = {}

    async def handle(self, message: Any) -> None:
        self.asked.append((message.subject, json.loads(message.data)))
        await message.respond(json.dumps(self.reply).encode())


@pytest.fixture
async def operator(platform: Any) -> AsyncIterator[Operator]:
    made = Operator()
    subscription = await platform.account.subscribe("operator.*.*", cb=made.handle)
    await platform.account.flush()
    yield made
    await subscription.unsubscribe()


async def test_config_is_read_from_the_record(running: Any, tenant: Any) -> None:
    answer = await running.client.get("/api/v1/config", headers=running.secret(tenant))
    assert (answer.status_code, answer.json()) == (200, tenant.record.spec)
    assert answer.headers["etag"] == tenant.record.etag
    headers = running.secret(tenant, **{"If-None-Match": f'"other", W/{tenant.record.etag}'})
    answer = await running.client.get("/api/v1/config", headers=headers)
    assert (answer.status_code, answer.content) == (304, b"")
    answer = await running.client.head("/api/v1/config", headers=running.secret(tenant))
    assert (answer.status_code, answer.content) == (200, b"")
    assert int(answer.headers["content-length"]) > 100


async def test_config_is_changed_by_the_operator(running: Any, tenant: Any, operator: Operator) -> None:
    operator.reply = {"value": {"spec": {"displayName": "New"}, "etag": '"abc"'}}
    headers = running.secret(tenant, **{"If-Match": '"old"', "Content-Type": "application/merge-patch+json"})
    answer = await running.client.patch("/api/v1/config", content=b'{"displayName": "New"}', headers=headers)
    assert (answer.status_code, answer.json(), answer.headers["etag"]) == (200, {"displayName": "New"}, '"abc"')
    key_id = next(key.key_id for key in tenant.record.keys if key.kind == "secret")
    subject, asked = operator.asked[0]
    assert subject == f"operator.config.{tenant.name}"
    assert asked == {
        "mode": "merge", "body": {"displayName": "New"}, "if_match": '"old"', "by": key_id, "platform": False,
        "take_over": False,
    }  # fmt: skip
    answer = await running.client.post("/api/v1/config", json=tenant.record.spec, headers=running.secret(tenant))
    assert (answer.status_code, operator.asked[1][1]["mode"]) == (200, "replace")
    for code, status in (
        ("platform_field", 403), ("conflict", 409), ("precondition_failed", 412), ("invalid", 422),
    ):  # fmt: skip
        errors = [{"loc": ["tone", "voice"], "msg": "is owned by kubectl"}]
        operator.reply = {"problem": {"code": code, "detail": "why", "errors": errors}}
        answer = await running.client.patch("/api/v1/config", json={"tone": {}}, headers=running.secret(tenant))
        body = answer.json()
        assert (answer.status_code, body["code"], body["detail"], body["errors"]) == (status, code, "why", errors)


@pytest.mark.parametrize("method", ["POST", "PATCH"])
async def test_fields_of_others_are_taken_over_on_demand(
    running: Any, tenant: Any, operator: Operator, method: str
) -> None:
    operator.reply = {"value": {"spec": {}, "etag": '"abc"'}}
    for query, taken in (("", False), ("?take_over=true", True), ("?take_over=false", False)):
        headers = running.secret(tenant)
        answer = await running.client.request(method, f"/api/v1/config{query}", json={}, headers=headers)
        assert (answer.status_code, operator.asked[-1][1]["take_over"]) == (200, taken)
    asked = len(operator.asked)
    headers = running.secret(tenant)
    answer = await running.client.request(method, "/api/v1/config?take_over=perhaps", json={}, headers=headers)
    assert (answer.status_code, answer.json()["code"], len(operator.asked)) == (422, "invalid", asked)


async def test_fields_are_handed_back(running: Any, tenant: Any, operator: Operator) -> None:
    operator.reply = {"value": {"fields": [["tone", "voice"]]}}
    key_id = next(key.key_id for key in tenant.record.keys if key.kind == "secret")
    path, fields = "/api/v1/config/hand-back", [["tone", "voice"], ["baselines", 0], []]
    answer = await running.client.post(path, json={"fields": fields}, headers=running.secret(tenant))
    assert (answer.status_code, answer.json()) == (200, {"fields": [["tone", "voice"]]})
    assert operator.asked == [(f"operator.hand-back.{tenant.name}", {"fields": fields, "by": key_id})]
    wrong: list[Any] = [
        [], {}, {"fields": []}, {"fields": ["tone"]}, {"fields": [[True]]}, {"fields": [[1.5]]}, {"fields": [[None]]},
        {"fields": [["a"] * 17]}, {"fields": [["a" * 1001]]}, {"fields": [["a"]] * 1001}, {"fields": [["a"]], "b": 1},
    ]  # fmt: skip
    for body in wrong:
        answer = await running.client.post(path, json=body, headers=running.secret(tenant))
        assert (answer.status_code, len(operator.asked)) == (422, 1), body
    headers = {"X-API-Key": running.secret(tenant)["X-API-Key"].replace("sk_", "pk_")}
    assert (await running.client.post(path, json={"fields": [[]]}, headers=headers)).status_code == 401


async def test_bad_config_requests(start_gateway: Any, make_tenant: Any) -> None:
    running = await start_gateway(operator_timeout=0.3)
    tenant = await make_tenant(migrate=False)
    await running.knows(tenant)
    for content, content_type, status in (
        (b"{", "application/json", 422),
        (b"[]", "application/json", 422),
        (b"[" * 5000, "application/json", 422),
        (b"{}", "text/plain", 415),
        (b" " * 300_000, "application/json", 413),
    ):
        headers = running.secret(tenant, **{"Content-Type": content_type})
        answer = await running.client.patch("/api/v1/config", content=content, headers=headers)
        assert answer.status_code == status, content[:10]
    answer = await running.client.patch("/api/v1/config", json={}, headers=running.secret(tenant))
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert "retry-after" in answer.headers


async def test_keys(start_gateway: Any, make_tenant: Any, make: Any, operator: Operator, platform: Any) -> None:
    running = await start_gateway(key_use_every=0.05)
    tenant = await make_tenant(migrate=False)
    await running.knows(tenant)
    by_kind = {key.kind: key for key in tenant.record.keys}
    answer = await running.client.get("/api/v1/keys", headers=running.secret(tenant))
    items = {item["kind"]: item for item in answer.json()["items"]}
    assert (answer.status_code, answer.json()["next"], answer.json()["tenant"]) == (200, None, tenant.name)
    assert answer.json()["phase"] == tenant.record.phase
    assert items["publishable"] == {
        "key_id": by_kind["publishable"].key_id,
        "kind": "publishable",
        "created_at": by_kind["publishable"].created_at,
        "last_used_at": None,
    }
    assert items["secret"]["last_used_at"].endswith("Z")
    bucket = await platform.account.jetstream().key_value(names.KEY_USE_BUCKET)
    assert (await running.post_events(tenant, make.batch())).status_code == 202

    async def noted() -> bool:
        used = await running.client.get("/api/v1/keys", headers=running.secret(tenant))
        return all(item["last_used_at"] for item in used.json()["items"]) and bool(
            await bucket.get(by_kind["publishable"].key_id)
        )

    async def tried() -> bool:
        try:
            return await noted()
        except Exception:  # noqa: BLE001 - not there yet
            return False

    await running.until(tried)
    made = {"key_id": "abcdefgh", "kind": "secret", "created_at": "2026-01-01T00:00:00Z", "key": "sk_..."}
    operator.reply = {"value": made}
    answer = await running.client.post("/api/v1/keys", json={"kind": "secret"}, headers=running.secret(tenant))
    assert (answer.status_code, answer.json()) == (201, made)
    assert operator.asked[-1] == (f"operator.key-create.{tenant.name}", {"kind": "secret"})
    operator.reply = {"value": {}}
    key_id = by_kind["publishable"].key_id
    answer = await running.client.delete(f"/api/v1/keys/{key_id}", headers=running.secret(tenant))
    assert (answer.status_code, answer.content) == (204, b"")
    assert operator.asked[-1] == (f"operator.key-revoke.{tenant.name}", {"key_id": key_id})
    asked = len(operator.asked)
    answer = await running.client.delete("/api/v1/keys/nobodys1", headers=running.secret(tenant))
    assert (answer.status_code, len(operator.asked)) == (404, asked)
    wrong: list[Any] = [{}, {"kind": "master"}, {"kind": "secret", "more": 1}, []]
    for body in wrong:
        answer = await running.client.post("/api/v1/keys", json=body, headers=running.secret(tenant))
        assert answer.status_code == 422, body
