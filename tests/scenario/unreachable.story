# A resolver that does not answer is no cache: said as such, no forecast.
servers 1
auditor audit
network lyon R1 R2

at 0s     open
at 0s     NS1 good serial 2
at 0s     R1 silent
at 60s    expect R1 unreachable no-forecast
at 60s    expect R2 clear
at 60s    expect lyon unreachable
at 60s    expect outlook unknown
at 61s    R1 normal
at 500s   expect R1 clear
at 500s   expect outlook clear
