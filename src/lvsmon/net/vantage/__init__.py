"""Sockets whose packets reach one realserver as those of the VIP's clients do (``vantage = "vip"``).

They are made in a network namespace of the process's own, which has neither the VIP nor an IPVS table. An interface of
its own (macvlan) hangs on the director's, with an address of its own. For each realserver there is a mark, and for each
mark a routing table whose default route is that realserver: a socket with the mark sends what is meant for the VIP to
this one and to no other. Nothing of it is seen in the director's table, its counters or its sockets, and all of it goes
when the process ends, however it ends.

`messages` says what the kernel is told, `kernel` tells it, `duplicates` looks whether an address is free, `space`
builds the namespace, and `door` hands sockets out of it.
"""
