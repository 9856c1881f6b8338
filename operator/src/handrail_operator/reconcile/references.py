"""What a spec's secret references lead to in the tenant's namespace. Pure: Secrets in, values and reasons out."""

import base64
import binascii
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from handrail_contracts import names, webhook_secret
from handrail_contracts.outbound_policy import Allowed, trouble
from handrail_contracts.secret_refs import fields
from handrail_contracts.tenant_spec import SecretRef, TenantSpec

_NOTHING = Allowed()


@dataclass(frozen=True)
class Resolved:
    usable: tuple[SecretRef, ...] = ()
    missing: tuple[str, ...] = ()
    """Why references lead nowhere: the fields that hold one, and a sentence."""
    unfit: tuple[tuple[str, str], ...] = ()
    """Reason and text of what is there and cannot be used; never a value."""
    identity_secrets: tuple[str, ...] = field(default=(), repr=False)
    """The values of the spec's signing secrets, in its order."""


def resolve(
    spec: TenantSpec, namespace: str, secrets: Iterable[dict[str, Any]], allowed: Allowed = _NOTHING
) -> Resolved:
    """`secrets`: those of the tenant's namespace, whatever their labels. `allowed`: what may be called though it is
    private."""
    by_name = {secret["metadata"]["name"]: secret for secret in secrets}
    values: dict[SecretRef, str] = {}
    missing: dict[str, list[str]] = {}
    wanted: dict[SecretRef, list[str]] = {}
    for place, reference in fields(spec):
        wanted.setdefault(reference, []).append(place)
    for reference, places in wanted.items():
        found = _value(reference, namespace, by_name.get(reference.name))
        if isinstance(found, str):
            # One sentence for all fields that it is true of.
            missing.setdefault(found, []).extend(places)
        else:
            values[reference] = found.decode(errors="replace").strip()
    identity = tuple(values[one] for one in spec.identity.signing_secret_refs if one in values)
    texts = tuple(f"{', '.join(places)}: {why}" for why, places in missing.items())
    unfit = tuple(_unfit(spec, namespace, values, allowed))
    return Resolved(tuple(one for one in wanted if one in values), texts, unfit, identity)


def _unfit(
    spec: TenantSpec, namespace: str, values: Mapping[SecretRef, str], allowed: Allowed
) -> Iterator[tuple[str, str]]:
    """As the agent will find when it makes its calls, as far as that can be known before."""
    if spec.llm.base_url and (why := trouble(spec.llm.base_url, allowed, login=False)):
        yield "AddressRefused", f"spec.llm.baseURL {why}."
    for n, hook in enumerate(spec.escalation.webhooks):
        uses: tuple[tuple[str, SecretRef | None, Callable[[str], str]], ...] = (
            ("urlSecretRef", hook.url_secret_ref, lambda value: trouble(value, allowed)),
            ("signingSecretRef", hook.signing_secret_ref, webhook_secret.trouble),
        )
        for name, reference, look in uses:
            if reference is not None and reference in values and (why := look(values[reference])):
                where = f"key {reference.key} of Secret {reference.name} of namespace {namespace}"
                yield "SecretUnfit", f"spec.escalation.webhooks[{n}].{name}: {where} {why}."


def _value(reference: SecretRef, namespace: str, secret: dict[str, Any] | None) -> bytes | str:
    """The value, or why there is none."""
    where = f"Secret {reference.name} of namespace {namespace}"
    if names.is_platform_secret(reference.name):
        return f"{where} is the operator's own and may not be named."
    if secret is None:
        return f"{where} does not exist, or lacks the label {names.LABEL_USE}: {names.USE_TENANT}."
    use = secret["metadata"].get("labels", {}).get(names.LABEL_USE)
    if use == names.USE_PLATFORM:
        return f"{where} is the operator's own and may not be named."
    if use != names.USE_TENANT:
        return f"{where} lacks the label {names.LABEL_USE}: {names.USE_TENANT}."
    value = secret.get("data", {}).get(reference.key)
    if value is None:
        return f"{where} has no key {reference.key}."
    try:
        decoded = base64.b64decode(value, validate=True)
    except binascii.Error:
        return f"{where} has no readable key {reference.key}."
    return decoded or f"{where} has nothing under the key {reference.key}."
