"""A weight that is asked for reaches the table in the daemon, and goes again."""

import pytest

from daemon_process import DaemonProcess, configuration, web

pytestmark = pytest.mark.slow


def _say(path, text):
    """Replace the file whole, as its page tells people to."""
    path.with_name("new").write_text(text)
    path.with_name("new").rename(path)


def test_a_files_word_is_the_destinations_weight(tmp_path, rs):
    said = tmp_path / "127.0.0.1"
    _say(said, "50%")
    edit = f"ipvsadm -e -t 192.0.2.10:80 -r 127.0.0.1:{rs.port} -m -w "
    probe = f'kind = "file"\npath = "{tmp_path}/{{address}}"\nmissing = "pass"'
    with DaemonProcess(configuration(tmp_path, virtual=web(rs, extra="weight = 10", probe=probe))) as daemon:
        daemon.wait_for("ipvs_write", command=f"-r 127.0.0.1:{rs.port} -m -w 5")
        _say(said, "30 # by hand")
        assert "50%" == daemon.wait_for("weight", after="30")["before"]
        daemon.wait_for("ipvs_write", command=edit + "30")
        _say(said, "drain # backup")
        assert "backup" in daemon.wait_for("transition", after="WARN")["detail"]
        daemon.wait_for("ipvs_write", command=edit + "0")
        said.unlink()
        daemon.wait_for("ipvs_write", command=edit + "10")
        _say(said, "down")
        daemon.wait_for("transition", after="DOWN")
        daemon.wait_for("ipvs_write", command=edit + "0")


def test_a_programs_exit_code_is_the_destinations_weight(tmp_path, rs):
    """keepalived's misc_dynamic, every 200 ms."""
    said = tmp_path / "code"
    _say(said, "9")
    edit = f"ipvsadm -e -t 192.0.2.10:80 -r 127.0.0.1:{rs.port} -m -w "
    probe = f'kind = "exec"\ncommand = ["/bin/sh", "-c", "exit $(cat {said})"]\nweight_codes = true'
    with DaemonProcess(configuration(tmp_path, virtual=web(rs, extra="weight = 10", probe=probe))) as daemon:
        daemon.wait_for("ipvs_write", command=f"-r 127.0.0.1:{rs.port} -m -w 7")
        _say(said, "0")
        daemon.wait_for("ipvs_write", command=edit + "10")
        _say(said, "1")
        daemon.wait_for("transition", after="DOWN")
        daemon.wait_for("ipvs_write", command=edit + "0")
        assert 0 == daemon.end()
