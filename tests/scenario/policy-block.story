# A response policy zone answers (EDE 15): waiting will not help.
servers 1
auditor audit
network lyon R1

at 0s     open
at 0s     NS1 good serial 2
at 0s     R1 policy
at 60s    expect R1 policy-blocked no-forecast no-hard
at 60s    expect outlook stuck
