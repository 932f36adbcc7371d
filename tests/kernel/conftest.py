"""The tests of this folder run on the kernel of the lab and nowhere else."""

import os
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
IN_LAB = os.environ.get("LVSMON_LAB") == "1"
FIGURES = pytest.StashKey[list[str]]()
collect_ignore_glob = [] if IN_LAB else ["*"]

if IN_LAB:
    if "User Mode Linux" not in Path("/proc/cpuinfo").read_text():
        raise pytest.UsageError("LVSMON_LAB=1 is set by the lab itself: run `make lab`")
    from kernel.lab.cases import DR, NAT
    from kernel.lab.monitor import Monitor
    from kernel.lab.sharing import Sharing
    from kernel.lab.topology import built

    def pytest_configure(config):
        config.pluginmanager.register(Sharing())

    @pytest.fixture
    def tell(request):
        """Return what adds a line to the measured figures at the end of the run."""
        return request.config.stash.setdefault(FIGURES, []).append

    @pytest.fixture(params=[NAT, DR])
    def network(request):
        """A fresh network, with NAT and with DR; for one of them see kernel.lab.cases."""
        with built(request.param) as network:
            yield network

    @pytest.fixture
    def monitor(network, tmp_path):
        """lvsmon on the network's director; the end of its log stands in the report of a test that fails."""
        monitor = Monitor(network, tmp_path)
        yield monitor
        sys.stdout.write("\n".join(monitor.log().splitlines()[-80:]))


def pytest_collection_modifyitems(items):
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.kernel)


def pytest_terminal_summary(terminalreporter, config):
    figures = config.stash.get(FIGURES, [])
    if figures:
        terminalreporter.section("measured")
    for figure in figures:
        terminalreporter.write_line(figure)
    if not IN_LAB:
        terminalreporter.write_line(
            "tests/kernel left out here: it runs on a kernel with IPVS, by `make lab`", yellow=True
        )
