from hypothesis import settings

# How long one example takes tells of the machine and of who else is at work on it, not of what it shows.
settings.register_profile("lvsmon", deadline=None)
settings.load_profile("lvsmon")
