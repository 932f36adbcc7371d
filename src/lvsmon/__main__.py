"""python -m lvsmon."""

from lvsmon.cli import main

main()
