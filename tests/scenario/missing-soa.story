# The resolver strips the SOA: no countdown, so the outage window and W say when
# (nxclear-estimator(7) 5.6): entries of [-600 s, 0 s] that live 900 s end in 300..900 s.
servers 2
auditor audit
network lyon R1

at -100s  R1 caches NXDOMAIN ttl 900 serial 1 no-soa
at -20s   open outage -600s
at 0s     NS1 good serial 2
at 0s     NS2 good serial 2
at 30s    expect R1 cached-nxdomain flag no-soa within 800s
at 30s    expect R1 cached-nxdomain hard 900s..910s auth-window
at 30s    expect lyon cached-nxdomain basis prior
at 30s    expect outlook waiting
at 700s   expect R1 cached-nxdomain within 800s
at 1300s  expect R1 clear
