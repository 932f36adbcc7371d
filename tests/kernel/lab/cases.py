"""Which network a test gets: both kinds unless it says otherwise."""

from typing import Final

import pytest

NAT: Final = pytest.param("masq", id="nat")
DR: Final = pytest.param("route", id="dr")

only_nat: Final = pytest.mark.parametrize("network", [NAT], indirect=True)
only_dr: Final = pytest.mark.parametrize("network", [DR], indirect=True)
