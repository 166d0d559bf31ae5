# nxclear-estimator(7) 12.1: unbound shows the zone's SOA clock. After the
# restoration another name's denial renews it: the TTL shown says nothing about
# the entry, and it is no proof of a re-cached denial.
servers 1
auditor audit
network lyon R1
settle 3s
never R1 recached

at 0s     R1 zone-clock
at 0s     R1 inclusive
at 0s     NS1 denies ttl 60 minimum 60 serial 1
at 1s     R1 caches NXDOMAIN ttl 60 serial 1
at 2s     open outage -5s
at 7s     NS1 good serial 2
at 8s     R1 renews ttl 60 serial 2
at 24s    expect R1 cached-nxdomain flag shared-soa within 62s
at 24s    expect R1 cached-nxdomain hard 67s..73s auth-window
at 160s   expect R1 clear
