"""lvsmon demo: the main job on loopback."""

import asyncio
import logging
import sys

import click


@click.command("demo")
@click.option("--keep", is_flag=True, help="Stay until Ctrl-C, to stop and kill the realservers by hand.")
def command(*, keep: bool) -> None:
    """Show the main job: realservers on loopback, an IPVS table in memory, no root.

    One realserver is killed, goes to weight 0 and comes back. Takes a few seconds. Exit status 1 if it did not work.
    """
    logging.disable(logging.CRITICAL)  # the table tells it
    from lvsmon.demo.show import DemoFailed, kernel_hint, show

    try:
        asyncio.run(show(sys.stdout, keep=keep))
    except DemoFailed as error:
        click.echo(f"the demo failed: {error}", err=True)
        sys.exit(1)
    except KeyboardInterrupt:
        return
    click.echo(kernel_hint())
