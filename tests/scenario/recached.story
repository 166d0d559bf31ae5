# After the verified restoration the resolver fetches a denial again (a lame
# secondary that the auditor does not see): the fill is younger than the
# restoration.
servers 2
auditor audit
network lyon R1

at -100s  R1 caches NXDOMAIN ttl 150 serial 1
at -30s   open outage -120s
at 0s     NS1 good serial 2
at 0s     NS2 good serial 2
at 30s    expect R1 cached-nxdomain until 48s..52s
at 50s    R1 caches NXDOMAIN ttl 900 serial 1
at 400s   expect R1 recached no-forecast no-hard
at 400s   expect lyon recached
at 400s   expect outlook stuck
