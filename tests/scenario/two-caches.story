# Two caches behind one address, filled 60 s apart: two countdowns, clear at the
# last.
servers 2
auditor audit
network isp R1

at -200s  R1 caches NXDOMAIN ttl 300 serial 1 in 1
at -140s  R1 caches NXDOMAIN ttl 300 serial 1 in 2
at -30s   open outage -250s
at 0s     NS1 good serial 2
at 0s     NS2 good serial 2
at 40s    expect R1 cached-nxdomain until 158s..163s within 160s basis countdown,_2_caches
at 40s    expect isp cached-nxdomain basis countdown,_2_caches
at 40s    expect outlook waiting
at 130s   expect R1 partly-clear until 158s..163s
at 130s   expect outlook waiting
at 260s   expect R1 clear
at 260s   expect outlook clear
