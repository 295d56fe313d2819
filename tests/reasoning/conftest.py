"""The server that tests of faults, purchases and pacing talk to."""

from collections.abc import Iterator

import pytest
from fault_client import FaultServer


@pytest.fixture(scope="session")
def fault_server_process() -> Iterator[FaultServer]:
    """One fault server for all tests of a session; take `fault_server` instead."""
    with FaultServer() as server:
        yield server


@pytest.fixture
def fault_server(fault_server_process: FaultServer) -> FaultServer:
    """The fault server, well-behaved and with empty books; `fault_server.configure(...)` changes that."""
    fault_server_process.configure()
    return fault_server_process
