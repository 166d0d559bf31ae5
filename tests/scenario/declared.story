# No authority agent: the operator says when it was restored.
servers 1
network lyon R1

at -500s  R1 caches NXDOMAIN ttl 900 serial 1
at -5s    NS1 good serial 2
at 0s     open outage -700s restored -2s
at 5s     expect authority restored unverified restored -2s total 0
at 5s     expect plan lyon 0
at 20s    expect authority restored verified
at 30s    expect R1 cached-nxdomain until 398s..402s
at 600s   expect R1 clear
