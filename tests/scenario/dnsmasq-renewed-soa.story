# nxclear-estimator(7) 12.1: in dnsmasq every denial in the zone renews the TTL shown
# for all of them; the entry's life is its own.
servers 1
auditor audit
network home R1
settle 3s
never R1 recached

at 0s     R1 zone-clock
at 0s     NS1 denies ttl 60 minimum 60 serial 1
at 0s     R1 caches NXDOMAIN ttl 60 serial 1
at 1s     open outage -5s
at 7s     NS1 good serial 2
at 20s    expect R1 cached-nxdomain until 58s..64s
at 25s    R1 renews ttl 60 serial 2
at 50s    expect R1 cached-nxdomain within 60s
at 160s   expect R1 clear
