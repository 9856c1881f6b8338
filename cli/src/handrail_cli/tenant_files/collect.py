"""All followed files together: which tenants are wanted, which secrets their references reach. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from handrail_cli.tenant_files.places import Fault
from handrail_cli.tenant_files.read import SecretDocument, TenantDocument, TenantFile
from handrail_contracts import names
from handrail_contracts.secret_refs import references, runtime_references
from handrail_contracts.tenant_spec import SecretRef, TenantSpec


@dataclass(frozen=True)
class Wanted:
    """One tenant as its file asks for it."""

    document: TenantDocument
    secrets: dict[str, SecretDocument] = field(repr=False)
    """What stands beside it, by name."""


@dataclass(frozen=True)
class Collection:
    tenants: dict[str, Wanted] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    broken: set[str] = field(default_factory=set)
    """Tenants whose documents are there and wrong."""


def collect(files: Iterable[TenantFile]) -> Collection:
    """A tenant that stands in two places counts where it was met first; the other place is a fault."""
    files = list(files)
    found = Collection()
    for file in files:
        found.faults.extend(file.faults)
        found.broken.update(file.broken)
        for document in file.tenants:
            if document.name in found.tenants:
                first = found.tenants[document.name].document
                reason = f"tenant {document.name} stands in {first.path}:{first.line} already"
                found.faults.append(Fault(file.path, document.line, "metadata.name", reason))
                continue
            found.tenants[document.name] = Wanted(document, _reachable(document, files))
    return replace(found, broken=found.broken - found.tenants.keys())


def _reachable(document: TenantDocument, files: Iterable[TenantFile]) -> dict[str, SecretDocument]:
    """Secrets of the tenant's own namespace; one without a namespace belongs to the tenants of its file."""
    own = names.namespace(document.name)
    found: dict[str, SecretDocument] = {}
    for file in files:
        for secret in file.secrets:
            if secret.namespace == own or (not secret.namespace and file.path == document.path):
                found[secret.name] = secret
    return found


def runtime_secrets(spec: TenantSpec, secrets: dict[str, SecretDocument]) -> dict[str, str]:
    """Their values, by their file in the runtime's secrets folder; a reference that leads nowhere has none."""
    found = {}
    for reference in runtime_references(spec):
        value, _ = resolve(reference, secrets)
        if value is not None:
            found[names.secret_ref_file(reference.name, reference.key)] = value
    return found


def resolve(reference: SecretRef, secrets: dict[str, SecretDocument]) -> tuple[str | None, str]:
    """The value, or None and why there is none."""
    secret = secrets.get(reference.name)
    if secret is None:
        return None, f"Secret {reference.name} is not beside the tenant"
    if not secret.usable:
        return None, f"Secret {reference.name} lacks the label {names.LABEL_USE}: tenant"
    if reference.key not in secret.values:
        return None, f"Secret {reference.name} has no key {reference.key}"
    return secret.values[reference.key], ""


def unresolved(spec: TenantSpec, secrets: dict[str, SecretDocument]) -> list[str]:
    """Why references of the spec lead nowhere; empty where all are good."""
    return [reason for reference in references(spec) if (reason := resolve(reference, secrets)[1])]
