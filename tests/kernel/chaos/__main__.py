"""The chaos run, in the guest: `python -m kernel.chaos --minutes 5 --seed 7`; `make chaos` calls it there."""

import argparse
import sys

from kernel.chaos.run import run


def main() -> int:
    parser = argparse.ArgumentParser(prog="make chaos", description="random faults, and an oracle that watches")
    parser.add_argument("--minutes", type=float, required=True)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--forward", choices=("masq", "route"), help="by default the seed decides")
    parser.add_argument("--history", action="store_true", help="print all that happened, not only around violations")
    given = parser.parse_args()
    return run(given.seed, given.minutes * 60, given.forward, history=given.history)


if __name__ == "__main__":
    sys.exit(main())
