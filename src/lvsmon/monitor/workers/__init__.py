"""Worker processes: they probe, without any privilege; the supervisor, which is the daemon itself, decides and writes.

    supervisor                                              worker 0, 1, ...
    plan ──`shards`──▶ parts ──`down`────▶ socket pair ──▶  `process`: `confine`, then a `Prober`
    director ◀── news ◀──`up` (strict) ◀── socket pair ◀──  `saying`
    `gate`: programs of exec probes  ◀──── socket pair ◀──  net.programs
    `pings`: raw sockets as descriptors ─▶ socket pair ──▶  net.icmp
    `ways`: sockets by way of the VIP  ──▶ socket pair ──▶  net.vantage

What goes down is trusted. What comes up is not: a worker parses what realservers send, and one of them may have taken
it over. So the supervisor reads it strictly and within bounds, takes of a worker only what concerns its own probes, and
replaces one that says anything else, is silent, or talks too much (`worker`). The probes of a worker that is being
replaced are UNKNOWN, which leaves the table as it is.
"""
