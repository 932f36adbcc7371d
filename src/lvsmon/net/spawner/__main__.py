"""python -I -S of this folder: the process that `lvsmon.net.programs` starts."""

import sys

sys.path[0] = sys.path[0].removesuffix("/lvsmon/net/spawner")  # where lvsmon is: -I and -S leave out what would say it

from lvsmon.net.spawner.serving import main  # noqa: E402

main()
