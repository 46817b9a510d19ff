"""Servers on loopback may be asked, and quickly, where a test says so."""

import pytest

from tasks.common.settings import settings
from tests.tiers import needs


@pytest.fixture
@needs("service")
def loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let this machine's own servers be asked, without the pauses that others deserve."""
    monkeypatch.setenv("MATTEFLOW_ALLOW_NETWORKS", "127.0.0.0/8")
    monkeypatch.setenv("MATTEFLOW_REQUESTS_PER_S", "1000")
    monkeypatch.setenv("MATTEFLOW_STALL_S", "1")
    settings.cache_clear()
