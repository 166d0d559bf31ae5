# The network of a revoked agent is not known any more: silence is no all-clear.
servers 1
auditor audit
network lyon R1
network oslo R2

at -100s  R1 caches NXDOMAIN ttl 900 serial 1
at 0s     open outage -200s
at 0s     NS1 good serial 2
at 60s    expect outlook waiting
at 60s    expect lyon cached-nxdomain
at 60s    expect oslo clear
at 61s    lyon revoked
at 62s    expect outlook unknown
at 62s    expect lyon unknown reason agent-revoked
