import signal

from hypothesis import settings

# How long one example takes tells of the machine and of who else is at work on it, not of what it shows.
settings.register_profile("lvsmon", deadline=None)
settings.register_profile("quick", deadline=None, max_examples=25)  # make unit; make test has four times as many
settings.load_profile("lvsmon")

# Who starts tests in the background of a shell has them ignore SIGINT, and every program that they start as well.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
