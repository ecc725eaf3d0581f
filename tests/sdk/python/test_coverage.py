"""No public call of the clients is left out: each is named in one of these tests."""

from pathlib import Path

import pytest
from fishjam import CompositionClient, FishjamClient

TESTS = "".join(path.read_text() for path in Path(__file__).parent.glob("test_*.py") if path != Path(__file__))


@pytest.mark.parametrize("client", [FishjamClient, CompositionClient])
def test_every_public_call(client):
    names = [name for name in dir(client) if not name.startswith("_")]
    assert len(names) > 20
    assert [name for name in names if f".{name}" not in TESTS and f"call in (client.{name}" not in TESTS] == []
