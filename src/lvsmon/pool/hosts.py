"""The health of hosts that are no destinations."""

from lvsmon.health import combine
from lvsmon.model import Health, Host
from lvsmon.pool.situation import Situation


def health_of(host: Host, situation: Situation) -> Health:
    return combine({probe: situation.states[probe].health for probe in host.probes})


def answers_since(host: Host, situation: Situation, since: float) -> bool | None:
    """Say whether the last run of each of its probes passed, None where one has not run since ``since``."""
    states = [situation.states[probe] for probe in host.probes]
    if any(state.last is None or state.heard < since for state in states):
        return None
    return all(state.last is not None and state.last.verdict.serves for state in states)
