# Silence is not all-clear (rule 3): the last forecast goes on, the state is
# unknown, until a look says otherwise.
servers 2
auditor audit
network osl R1
network lyon R2
silent-after 60s

at -100s  R1 caches NXDOMAIN ttl 300 serial 1
at -30s   open outage -120s
at 0s     NS1 good serial 2
at 0s     NS2 good serial 2
at 30s    expect R1 cached-nxdomain until 198s..202s
at 31s    osl cut
at 700s   expect osl unknown reason agent-silent presumed basis agent_silent_since_08:00Z
at 700s   expect outlook unknown
at 700s   expect lyon clear
at 701s   osl back
at 760s   expect osl clear
at 760s   expect outlook clear
