import pytest

from daemon_process import Realserver


@pytest.fixture
def rs():
    """A realserver that answers until a test stops it."""
    realserver = Realserver()
    yield realserver
    realserver.stop()
