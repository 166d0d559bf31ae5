# One of two name servers still denies the name: nobody asks resolvers, nothing
# is forecast, and the answer says which server.
servers 2
auditor audit
network lyon R1

at -100s  R1 caches NXDOMAIN ttl 300 serial 1
at -30s   open
at 0s     NS1 good serial 2
at 60s    expect authority partly unverified good 1 total 2
at 60s    expect lyon unknown reason guarded no-forecast
at 60s    expect plan lyon 0
at 60s    expect outlook stuck
at 60s    expect asked R1 0 0
at 61s    NS2 good serial 2
at 90s    expect authority restored verified good 2 restored 61s..67s
at 90s    expect R1 cached-nxdomain until 198s..202s
