"""Which secrets a spec refers to, and who reads their values. Pure."""

from handrail_contracts.tenant_spec import SecretRef, TenantSpec


def references(spec: TenantSpec) -> list[SecretRef]:
    """Every secret reference in a spec."""
    return [one for _, one in fields(spec)]


def runtime_references(spec: TenantSpec) -> list[SecretRef]:
    """Those whose values the tenant's agent reads itself."""
    return [one for _, one in _runtime_fields(spec)]


def fields(spec: TenantSpec) -> list[tuple[str, SecretRef]]:
    """Every secret reference, with the field that holds it: `spec.escalation.webhooks[0].urlSecretRef`."""
    signing = spec.identity.signing_secret_refs
    return [(f"spec.identity.signingSecretRefs[{n}]", one) for n, one in enumerate(signing)] + _runtime_fields(spec)


def _runtime_fields(spec: TenantSpec) -> list[tuple[str, SecretRef]]:
    found: list[tuple[str, SecretRef]] = []
    for n, hook in enumerate(spec.escalation.webhooks):
        place = f"spec.escalation.webhooks[{n}]"
        found.append((f"{place}.urlSecretRef", hook.url_secret_ref))
        if hook.signing_secret_ref:
            found.append((f"{place}.signingSecretRef", hook.signing_secret_ref))
    if spec.llm.api_key_secret_ref:
        found.append(("spec.llm.apiKeySecretRef", spec.llm.api_key_secret_ref))
    return found
