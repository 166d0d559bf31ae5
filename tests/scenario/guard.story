# Rule 1: no resolver is asked for the name before every name server is good for
# the settle time; a timeout is waited for, a dead server is set aside.
servers 3
auditor audit
network lyon R1 R2
settle 20s

at 0s     open
at 10s    expect plan lyon 0
at 10s    expect plan audit 1
at 10s    NS1 good serial 2
at 10s    NS2 good serial 2
at 10s    NS3 silent
at 32s    expect authority partly unverified good 2 total 3
at 60s    expect plan lyon 0
at 60s    expect asked R1 0 0
at 150s   expect authority restored verified good 2 total 3
at 150s   expect plan lyon 2
at 150s   expect R1 clear
at 150s   expect lyon clear
