"""Which secrets a spec refers to, and who reads their values. Pure."""

from handrail_contracts.tenant_spec import SecretRef, TenantSpec


def references(spec: TenantSpec) -> list[SecretRef]:
    """Every secret reference in a spec."""
    return [*spec.identity.signing_secret_refs, *runtime_references(spec)]


def runtime_references(spec: TenantSpec) -> list[SecretRef]:
    """Those whose values the tenant's agent reads itself."""
    found: list[SecretRef] = []
    for hook in spec.escalation.webhooks:
        found += [hook.url_secret_ref, *([hook.signing_secret_ref] if hook.signing_secret_ref else [])]
    return found + ([spec.llm.api_key_secret_ref] if spec.llm.api_key_secret_ref else [])
