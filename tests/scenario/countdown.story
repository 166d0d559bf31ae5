# One cache, a countdown that pins the end to about a second.
servers 2
auditor audit
network lyon R1
never lyon still-negative-at-authority

at -300s  R1 caches NXDOMAIN ttl 900 serial 1
at -10s   open outage -400s
at -1s    expect authority negative unverified good 0 total 2 w 900
at -1s    expect outlook stuck
at -1s    expect lyon unknown reason guarded
at 0s     NS1 good serial 2
at 2s     NS2 good serial 2
at 8s     expect authority restored unverified good 2
at 8s     expect plan lyon 0
at 8s     expect asked R1 0 0                     # rule 1
at 8s     expect outlook waiting
at 25s    expect authority restored verified restored 2s..8s
at 25s    expect plan lyon 1
at 25s    expect R1 cached-nxdomain until 599s..602s within 600s
at 25s    expect lyon cached-nxdomain
at 25s    expect outlook waiting
at 500s   expect R1 cached-nxdomain until 599s..602s
at 650s   expect R1 clear
at 650s   expect lyon clear since 600s..625s
at 650s   expect outlook clear
at 650s   expect asked R1 12 40
at 660s   close
at 661s   expect plan lyon 0
