"""A tenant whose config several own."""

import secrets
from collections.abc import AsyncIterator

import pytest
from tests.cluster.config_edits.room import SPEC, Room
from tests.cluster.control_plane import ControlPlane

from handrail_operator.kube import kinds
from handrail_operator.kube.client import Cluster


@pytest.fixture
async def room(plane: ControlPlane) -> AsyncIterator[Room]:
    async with Cluster.connect(kubeconfig=plane.kubeconfig(), requests_per_second=1000, burst=1000) as cluster:
        made = Room(cluster, plane, f"edits-{secrets.token_hex(4)}")
        yield made
        await cluster.delete(kinds.TENANT, None, made.name)


@pytest.fixture
async def acme(room: Room) -> Room:
    await room.git(SPEC)
    return room
