"""A tenant's spec, and servers of a test's own."""

from collections.abc import Iterator

import pytest
from tests.operator.provision.own_servers import OwnServers, own_servers

from handrail_contracts.tenant_spec import TenantSpec


@pytest.fixture(scope="session")
def _own() -> Iterator[OwnServers]:
    with own_servers() as made:
        yield made


@pytest.fixture
async def own(_own: OwnServers) -> OwnServers:
    """Servers that this worker's tests may stop; all of them run at first."""
    await _own.start()
    return _own


@pytest.fixture
def spec() -> TenantSpec:
    return TenantSpec.model_validate({"displayName": "T", "origins": ["https://app.example.test"], "plan": "small"})
