"""The texts of a JSON value."""


def strings(told):
    """Give every text in ``told``, however deep; keys are none."""
    if isinstance(told, str):
        yield told
    elif isinstance(told, dict | list):
        for one in told.values() if isinstance(told, dict) else told:
            yield from strings(one)
