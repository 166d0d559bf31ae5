# The name moved: an old address is still cached, with its own countdown.
servers 1
auditor audit
network lyon R1
expecting 192.0.2.10

at 0s     R1 caches OLD ttl 200
at 0s     open
at 0s     NS1 good serial 2
at 40s    expect R1 old-positive until 199s..202s
at 40s    expect outlook waiting
at 300s   expect R1 clear
