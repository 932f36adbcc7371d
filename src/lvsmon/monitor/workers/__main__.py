"""python -m lvsmon.monitor.workers: what the supervisor starts."""

from lvsmon.monitor.workers.process import main

main()
