# The parent lost the delegation: the denial carries the parent's SOA, and the
# parent's W counts.
servers 2
auditor audit
network lyon R1

at -200s  NS1 good
at -200s  NS2 good
at -100s  delegation lost ttl 600
at -90s   R1 caches NXDOMAIN ttl 600 serial 77
at -50s   open
at -20s   expect authority negative unverified good 0 total 1 w 600
at 0s     delegation back
at 30s    expect authority restored verified good 2 total 2 w 600
at 30s    expect R1 ancestor-nxdomain until 508s..512s within 510s
at 30s    expect outlook waiting
at 600s   expect R1 clear
