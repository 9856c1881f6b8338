"""A tenant's record as the operator of a newer version writes it: what is known here still counts."""

from handrail_contracts.record import TenantRecord, decode_record, encode
from handrail_contracts.tenant_spec import TenantSpec
from handrail_gateway.directory import Tenant

SPEC = TenantSpec.model_validate(
    {"displayName": "Acme", "origins": ["https://app.acme.test"], "identity": {"enforce": False}}
)


def test_a_newer_records_spec_is_read_as_far_as_it_is_known():
    spec = SPEC.dump() | {"addedLater": {"by": ["a newer version"]}}
    spec["identity"]["addedLater"] = True
    found = Tenant(decode_record(encode(TenantRecord(name="acme", spec=spec))))
    assert found.spec == SPEC
    assert found.identity_enforced is False


def test_what_cannot_be_read_is_not_trusted():
    found = Tenant(TenantRecord(name="acme", spec=SPEC.dump() | {"identity": {"enforce": "whenever"}}))
    assert found.spec is None
    assert found.identity_enforced is True
