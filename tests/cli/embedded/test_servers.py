"""The servers of `handrail up` on their own."""

from pathlib import Path

import psutil
import pytest
from tests.operator.provision.own_servers import ALL, POSTGRES, own_servers

from handrail_cli.embedded import account

SHARED_MEMORY = "/dev/shm/"


@pytest.mark.slow
async def test_what_a_killed_server_leaves_goes_with_its_folder() -> None:
    with own_servers() as own:
        await own.start()
        ours = (
            own.folder,
            account.data_place(own.servers.state, account.account(), own.servers.secrets.identity),
        )
        mapped = {one.path for pid in own.pids.values() for one in psutil.Process(pid).memory_maps()}
        assert any(Path(path).is_relative_to(ours[1]) for path in mapped), f"{POSTGRES} has none of its files mapped"
        assert [
            path
            for path in mapped
            if path.startswith(SHARED_MEMORY) and not any(Path(path).is_relative_to(folder) for folder in ours)
        ] == []
        await own.kill(*ALL)
