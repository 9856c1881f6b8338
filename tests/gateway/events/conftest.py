"""Every test of `POST /api/v1/events` runs twice: by the short way and by the long one."""

import pytest


@pytest.fixture(params=[False, True], ids=["below_asgi", "asgi"])
def chunked(request: pytest.FixtureRequest) -> bool:
    """Both ways that a batch can go give the same answers."""
    return bool(request.param)
