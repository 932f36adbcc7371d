"""The control socket: how commands ask the running daemon.

`protocol` is the codec, `server` and `client` are its two ends, `verbs` what may be asked, a file each.
"""
