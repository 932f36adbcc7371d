"""`lvsmon daemon` before it runs."""

import signal

from click.testing import CliRunner

from lvsmon.cli import main
from lvsmon.errors import ConfigError


def test_a_reload_that_is_asked_for_while_it_starts_waits_and_does_not_end_it(monkeypatch, tmp_path):
    """As by a service manager, or a script that has just started it."""

    def slow(_):
        signal.raise_signal(signal.SIGHUP)  # to this thread: those of the test runner block nothing
        raise ConfigError(())

    monkeypatch.setattr("lvsmon.cli.daemon.load", slow)
    before = signal.signal(signal.SIGHUP, lambda *_: heard.append(1))
    heard = []
    try:
        assert 2 == CliRunner().invoke(main, ["daemon", "--config", str(tmp_path)]).exit_code
        assert (heard, signal.sigpending()) == ([], {signal.SIGHUP})
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGHUP})
        signal.signal(signal.SIGHUP, before)
    assert heard == [1]
