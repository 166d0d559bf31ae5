# A revoked agent's network is not counted any more.
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
at 62s    expect outlook clear
