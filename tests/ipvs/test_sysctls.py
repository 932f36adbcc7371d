"""Kernel settings: read, told of where they defeat the policy, set where the configuration says so."""

import pytest

from lvsmon.actions.ipvs.sysctls import Sysctls, advice
from lvsmon.model import (
    Destination,
    DestinationKey,
    DestinationSettings,
    OnFailure,
    Protocol,
    RealServer,
    VirtualKey,
    VirtualService,
    VirtualSettings,
)

AS_SHIPPED = {"expire_nodest_conn": 0, "expire_quiescent_template": 0, "conn_reuse_mode": 1}


@pytest.fixture
def folder(tmp_path):
    for name, value in AS_SHIPPED.items():
        (tmp_path / name).write_text(f"{value}\n")
    return tmp_path


def virtual(on_failure="quiesce", persistence=0, protocol=Protocol.TCP):
    return VirtualService(
        name="shop",
        key=VirtualKey.of_address(protocol, "192.0.2.10", 80),
        settings=VirtualSettings(persistence=persistence),
        destinations=(
            Destination(
                realserver=RealServer("rs1", "10.0.0.1"),
                key=DestinationKey("10.0.0.1", 80),
                settings=DestinationSettings(),
                on_failure=OnFailure(on_failure),
            ),
        ),
    )


def test_only_what_is_written_is_set(folder):
    sysctls = Sysctls(folder)
    assert sysctls.read() == AS_SHIPPED
    assert sysctls.write({"expire_nodest_conn": 1, "conn_reuse_mode": 1}) == (
        ["net.ipv4.vs.expire_nodest_conn = 1"],
        [],
    )
    assert sysctls.read() == {**AS_SHIPPED, "expire_nodest_conn": 1}
    assert sysctls.write({"expire_nodest_conn": 1}) == ([], [])


def test_without_ipvs_there_is_nothing_to_read_and_setting_says_why(tmp_path):
    sysctls = Sysctls(tmp_path / "vs")
    assert sysctls.read() == {}
    assert sysctls.write({"conn_reuse_mode": 1}) == ([], ["net.ipv4.vs.conn_reuse_mode = 1: No such file or directory"])


@pytest.mark.parametrize(
    ("service", "settings", "told"),
    [
        (virtual(), AS_SHIPPED, []),
        (virtual(persistence=300), AS_SHIPPED, ["expire_quiescent_template"]),
        (virtual(persistence=300), {**AS_SHIPPED, "expire_quiescent_template": 1}, []),
        (virtual("remove", persistence=300), AS_SHIPPED, ["expire_nodest_conn"]),
        (virtual("remove"), AS_SHIPPED, ["expire_nodest_conn"]),
        (virtual("remove", protocol=Protocol.UDP), {**AS_SHIPPED, "conn_reuse_mode": 0}, ["expire_nodest_conn"]),
        (virtual(), {**AS_SHIPPED, "conn_reuse_mode": 0}, ["conn_reuse_mode"]),
        (virtual("remove", persistence=300), {}, []),
    ],
)
def test_what_defeats_the_policy_is_told_of(service, settings, told):
    """Traps 1 to 3."""
    found = advice(settings, [service])
    assert [line.split()[0] for line in found] == [f"net.ipv4.vs.{name}" for name in told]
    assert all("in shop: set it to 1, or write that under [director.sysctl]" in line for line in found)
