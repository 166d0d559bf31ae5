# The authority falls back: the guard closes at once, and the restoration that
# counts is the last one.
servers 2
auditor audit
network lyon R1

at -100s  R1 caches NXDOMAIN ttl 900 serial 1
at -30s   open outage -200s
at 0s     NS1 good serial 2
at 0s     NS2 good serial 2
at 30s    expect plan lyon 1
at 30s    expect R1 cached-nxdomain
at 60s    NS2 denies serial 3
at 70s    expect plan lyon 0
at 70s    expect authority partly unverified good 1
at 70s    expect outlook stuck
at 200s   NS2 good serial 4
at 208s   expect plan lyon 0                      # not settled yet
at 230s   expect authority restored verified restored 200s..206s
at 230s   expect plan lyon 1
at 240s   expect R1 cached-nxdomain hard 1100s..1106s auth-window
