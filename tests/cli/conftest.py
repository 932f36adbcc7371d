"""What the tests of commands share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from check_support import Director
from oneshot_support import listening, refusing


@pytest.fixture
def director(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Director]:
    """rs1 accepts connections, rs2 refuses them."""
    with listening() as server, refusing("127.0.0.2") as port:
        made = Director(tmp_path, (server.getsockname()[1], port))
        monkeypatch.setattr("lvsmon.actions.ipvs.open.open_ipvs", lambda _: made.table)
        monkeypatch.delenv("LVSMON_CONFIG", raising=False)
        monkeypatch.delenv("COLUMNS", raising=False)
        yield made
