#include "collector/status/advice_table.h"

#include "collector/infer/verdict.h"

#define MEANWHILE "[; use {other} meanwhile]"
#define EXPECT                                                                 \
    "correct the record there; if it is right, open the incident again with "  \
    "another --expect"
/* What --expect names is the only right answer, of the name servers too. */
#define BY_REGION                                                              \
    "run an agent in the role authority in that region, or a canary zone; "    \
    "only where name servers give one answer everywhere, open the incident "   \
    "again with it as --expect"
#define FLUSH " or flush {name} in {resolver}"
/* Only where another zone denies that lies between the audited one and the
 * name. */
#define OF_BELOW_WHY                                                           \
    " of zone {zone}, which the audited delegation does not lead to: an old "  \
    "delegation, or another view"
#define OF_BELOW_TODO                                                          \
    " in {resolver}; if it comes back, find the name servers of {zone} that "  \
    "are asked there" MEANWHILE
#define OF_BELOW                                                               \
    OF_BELOW_WHY, "wait until {until},{by} or flush {zone}" OF_BELOW_TODO
#define OF_BELOW_SOME_TIME OF_BELOW_WHY, "wait, or flush {zone}" OF_BELOW_TODO
#define REFERS                                                                 \
    "{resolver} answers with a referral: it does not resolve names for this "  \
    "network",                                                                 \
        "let its operator allow recursion from this network, or name another " \
        "resolver" MEANWHILE
#define CUT                                                                    \
    "the answers of {resolver} do not fit into UDP, and it gives none over "   \
    "TCP",                                                                     \
        "open TCP port 53 to {resolver} (RFC 7766)" MEANWHILE

const struct nx_advice_row nx_advice_table[] = {
    {NX_STATE_CLEAR, FLAG, NX_FLAG_HOSTS_FILE,
     "/etc/hosts of the agent's host has the expected address",
     "nothing to do; the line in /etc/hosts hides what the DNS says"},
    {NX_STATE_CLEAR, FLAG, NX_FLAG_EARLY_CLEAR,
     "answers as restored; it cleared before its countdown ended",
     "nothing to do"},
    {NX_STATE_CLEAR, FLAG, NX_FLAG_FLAPPING,
     "answers as restored, but the name servers have changed back and forth",
     "watch the name servers before calling it over"},
    {NX_STATE_CLEAR, ASIDE, 0,
     "answers as restored; {aside} gives no answer, but all that it may have "
     "kept has ended",
     "check {aside} and the way to it"},
    {NX_STATE_CLEAR, ALWAYS, 0, "answers as restored", "nothing to do"},

    {NX_STATE_PARTLY_CLEAR, FLAG, NX_FLAG_NSEC_ALIVE,
     "answers as restored, but may deny {name} again from a cached NSEC record "
     "(RFC 8198)[, until {hard} at the latest]",
     "wait[ until {hard}], or flush the whole zone in {resolver}" MEANWHILE},
    {NX_STATE_PARTLY_CLEAR, FLAG, NX_FLAG_REFERRAL, REFERS},
    {NX_STATE_PARTLY_CLEAR, FLAG, NX_FLAG_TRUNCATED, CUT},
    {NX_STATE_PARTLY_CLEAR, OVERDUE, 0,
     "some caches behind {resolver} still deny {name} after {hard}, when all "
     "should have ended",
     "ask the operator of {resolver} to flush {name} in every cache" MEANWHILE},
    {NX_STATE_PARTLY_CLEAR, NO_LINES, 0,
     "answers as restored, but not often enough yet to be sure",
     "wait for the next looks"},
    {NX_STATE_PARTLY_CLEAR, ALWAYS, 0,
     "some caches behind {resolver} are clear, others still deny {name}",
     "wait until {until},{by}" FLUSH MEANWHILE},
    {NX_STATE_PARTLY_CLEAR, ALWAYS, 0,
     "some caches are clear, others still deny the name",
     "wait, or flush the name in every cache" MEANWHILE},

    {NX_STATE_CACHED_NXDOMAIN, OVERDUE, 0,
     "NXDOMAIN is still served after {hard}, when it should have ended",
     "flush {name} in {resolver}, or ask its operator why the entry outlives "
     "its TTL" MEANWHILE},
    {NX_STATE_CACHED_NXDOMAIN, DEVICE, 0,
     "the device's own cache holds the NXDOMAIN",
     "flush the device's cache[, or wait until {until}]"},
    {NX_STATE_CACHED_NXDOMAIN, ALWAYS, 0, "cached NXDOMAIN" OF_BELOW},
    {NX_STATE_CACHED_NXDOMAIN, ALWAYS, 0, "cached NXDOMAIN" OF_BELOW_SOME_TIME},
    {NX_STATE_CACHED_NXDOMAIN, FLAG, NX_FLAG_OBSERVER_PLANTED,
     "cached NXDOMAIN; our own question has planted it",
     "wait until {until},{by}" FLUSH MEANWHILE},
    {NX_STATE_CACHED_NXDOMAIN, FLAG, NX_FLAG_SHARED_SOA,
     "cached NXDOMAIN; the TTL shown is the zone's, not the entry's",
     "wait until {until},{by}" FLUSH MEANWHILE},
    {NX_STATE_CACHED_NXDOMAIN, FLAG, NX_FLAG_NO_SOA,
     "cached NXDOMAIN without a countdown; estimated from the outage and W",
     "wait until {until},{by}" FLUSH MEANWHILE},
    {NX_STATE_CACHED_NXDOMAIN, FLAG, NX_FLAG_NON_DECREMENTING,
     "cached NXDOMAIN whose TTL stands still; estimated from the outage and W",
     "wait until {until},{by}" FLUSH MEANWHILE},
    {NX_STATE_CACHED_NXDOMAIN, FLAG, NX_FLAG_TTL_RAISED,
     "cached NXDOMAIN; the resolver has raised its TTL, or a name server sends "
     "the SOA with more than its MINIMUM",
     "wait until {until},{by}" FLUSH MEANWHILE},
    {NX_STATE_CACHED_NXDOMAIN, LINK, 0,
     "cached NXDOMAIN of {link}, which {name} is an alias of",
     "wait until {until},{by} or flush {link} in {resolver}" MEANWHILE},
    {NX_STATE_CACHED_NXDOMAIN, BOUND, NX_HARD_DELEGATION,
     "cached NXDOMAIN; the old name servers may be asked again after it",
     "wait until {until}; let the old name servers answer as the new ones "
     "until {hard}" MEANWHILE},
    {NX_STATE_CACHED_NXDOMAIN, MANY_LINES, 0,
     "{caches} caches behind {resolver} hold the NXDOMAIN",
     "wait for the last one until {until},{by}" FLUSH MEANWHILE},
    {NX_STATE_CACHED_NXDOMAIN, ALWAYS, 0, "cached NXDOMAIN",
     "wait until {until},{by}" FLUSH MEANWHILE},
    {NX_STATE_CACHED_NXDOMAIN, ALWAYS, 0, "cached NXDOMAIN",
     "wait, or flush the name in the resolver" MEANWHILE},

    {NX_STATE_CACHED_NODATA, OVERDUE, 0,
     "NODATA is still served after {hard}, when it should have ended",
     "flush {name} {type} in {resolver}, or ask its operator why the entry "
     "outlives its TTL" MEANWHILE},
    {NX_STATE_CACHED_NODATA, DEVICE, 0,
     "the device's own cache holds the NODATA",
     "flush the device's cache[, or wait until {until}]"},
    {NX_STATE_CACHED_NODATA, ALWAYS, 0, "cached NODATA" OF_BELOW},
    {NX_STATE_CACHED_NODATA, ALWAYS, 0, "cached NODATA" OF_BELOW_SOME_TIME},
    {NX_STATE_CACHED_NODATA, LINK, 0,
     "cached NODATA of {link}, which {name} is an alias of: it is there, but "
     "not its {type}",
     "wait until {until},{by} or flush {link} in {resolver}" MEANWHILE},
    {NX_STATE_CACHED_NODATA, ALWAYS, 0,
     "cached NODATA: the name is there, but not its {type}",
     "wait until {until},{by}" FLUSH MEANWHILE},
    {NX_STATE_CACHED_NODATA, ALWAYS, 0, "cached NODATA",
     "wait, or flush the name in the resolver" MEANWHILE},

    {NX_STATE_ANCESTOR_NXDOMAIN, ABOVE, 0,
     "cached NXDOMAIN: {above} was denied, and with it {name} (RFC 8020)",
     "wait until {until},{by} or flush {above} and all below it in "
     "{resolver}" MEANWHILE},
    {NX_STATE_ANCESTOR_NXDOMAIN, OLD_SERVERS, 0,
     "zone {zone} denies {apex}, and with it {name}: the delegation was lost, "
     "and the old one may be cached",
     "wait until {until}; let the old name servers answer as the new ones "
     "until {hard}, or flush {apex} in {resolver}" MEANWHILE},
    {NX_STATE_ANCESTOR_NXDOMAIN, OLD_SERVERS, 0,
     "a name above {name} is denied: its delegation was lost, and the old one "
     "may be cached",
     "wait until {until}; let the old name servers answer as the new ones "
     "until {hard}, or flush the zone in {resolver}" MEANWHILE},
    {NX_STATE_ANCESTOR_NXDOMAIN, ALWAYS, 0,
     "zone {zone} denies {apex}, and with it {name}: the delegation was lost",
     "wait until {until},{by} or flush {apex} in {resolver}" MEANWHILE},
    {NX_STATE_ANCESTOR_NXDOMAIN, ALWAYS, 0,
     "a name above {name} is denied: its delegation was lost",
     "wait until {until},{by} or flush the zone above in {resolver}" MEANWHILE},
    {NX_STATE_ANCESTOR_NXDOMAIN, ALWAYS, 0,
     "a name above is denied: the delegation was lost",
     "check the delegation in the parent zone; wait, or flush the zone above"},

    {NX_STATE_SYNTHESIZED_NEGATIVE, ALWAYS, 0,
     "denied by a cached NSEC record that covers {name} (RFC 8198)",
     "wait until {until},{by} or flush the whole zone in {resolver}: the name "
     "alone does not help" MEANWHILE},
    {NX_STATE_SYNTHESIZED_NEGATIVE, ALWAYS, 0,
     "denied by a cached NSEC record that covers the name (RFC 8198)",
     "wait, or flush the whole zone: the name alone does not help"},

    {NX_STATE_STALE_SERVED, ALWAYS, 0,
     "{resolver} serves an expired denial (RFC 8767): it did not reach the "
     "name servers",
     "check that {resolver} reaches them, or flush {name} there[; it ends by "
     "{hard}]" MEANWHILE},
    {NX_STATE_STALE_SERVED, ALWAYS, 0, "an expired denial is served (RFC 8767)",
     "check that the resolver reaches the name servers, or flush the name"},

    {NX_STATE_RECACHED, FLAG, NX_FLAG_OWN_ZONE,
     "{resolver} answers from a zone of its own, which denies {name}[ (serial "
     "{theirs})]: another view, or an old copy; waiting does not help",
     "put {name} into that zone, or let {resolver} load it again; if it hands "
     "the questions on to a server of the zone, mend that one" MEANWHILE},
    {NX_STATE_RECACHED, ALWAYS, 0,
     "denied again after the restoration: {server} still denies {name}",
     "fix name server {server}[, serial {serial}]; then flush {name} in "
     "{resolver}" MEANWHILE},
    {NX_STATE_RECACHED, ALWAYS, 0,
     "denied again after the restoration; name server {differs} has another "
     "{type} for {name} than the expected one",
     EXPECT "; then flush {name} in {resolver}" MEANWHILE},
    {NX_STATE_RECACHED, ALWAYS, 0,
     "denied again after the restoration, by zone {zone}, which the audited "
     "delegation does not lead to: an old delegation, or another view",
     "find the name servers of {zone} that {resolver} asks, let them answer as "
     "the zone's or go, then flush {zone} there" MEANWHILE},
    {NX_STATE_RECACHED, FLAG, NX_FLAG_SERIAL_CURRENT,
     "denied from the restored version of the zone: another view, or a bad "
     "copy with the new serial",
     "find the name server or view that {resolver} asks, fix it, then flush "
     "{name} there" MEANWHILE},
    {NX_STATE_RECACHED, ALWAYS, 0,
     "denied again after the restoration, although all audited name servers "
     "are good[; the denial has serial {theirs}]",
     "find the name server that {resolver} asks (an old copy or delegation[, "
     "serial {theirs}]), fix it, then flush {name} there; if it asks none, it "
     "does not reach them and extends its old entry" MEANWHILE},
    {NX_STATE_RECACHED, ALWAYS, 0, "denied again after the restoration",
     "find the name server that still denies the name, and fix it"},

    {NX_STATE_STILL_NEGATIVE_AT_AUTHORITY, ABOVE, 0,
     "name server {server} denies {name}; {above} above it was denied, too",
     "fix name server {server}[, serial {serial}]; caches fill again from it "
     "until then"},
    {NX_STATE_STILL_NEGATIVE_AT_AUTHORITY, ALWAYS, 0,
     "name server {server} denies {name}",
     "fix name server {server}[, serial {serial}]; caches fill again from it "
     "until then"},
    {NX_STATE_STILL_NEGATIVE_AT_AUTHORITY, ALWAYS, 0,
     "name server {differs} has another {type} for {name} than the expected "
     "one",
     EXPECT},
    {NX_STATE_STILL_NEGATIVE_AT_AUTHORITY, ALWAYS, 0,
     "a name server of the zone denies the name",
     "fix the name server that is listed under authority; caches fill again "
     "from it until then"},

    {NX_STATE_POLICY_BLOCKED, FLAG, NX_FLAG_CANARY_RESOLVES,
     "{resolver} blocks {name} by policy: canary names resolve there "
     "meanwhile; waiting does not help",
     "ask the operator of {resolver} to lift the block, with these answers as "
     "evidence" MEANWHILE},
    {NX_STATE_POLICY_BLOCKED, ALWAYS, 0,
     "{resolver} blocks {name} by policy; waiting does not help",
     "ask the operator of {resolver} to lift the block, with these answers as "
     "evidence" MEANWHILE},
    {NX_STATE_POLICY_BLOCKED, ALWAYS, 0,
     "blocked by policy; waiting does not help",
     "ask the resolver's operator to lift the block"},

    {NX_STATE_OLD_POSITIVE, FLAG, NX_FLAG_HOSTS_FILE,
     "/etc/hosts of the agent's host overrides {name} with another address",
     "correct or remove the line for {name} in /etc/hosts: no cache holds "
     "it"},
    {NX_STATE_OLD_POSITIVE, FLAG, NX_FLAG_OWN_ZONE,
     "{resolver} answers from a zone of its own, which has something else for "
     "{name}: another view, or an old copy; waiting does not help",
     "change {name} in that zone, let {resolver} load it again, or correct "
     "--expect" MEANWHILE},
    {NX_STATE_OLD_POSITIVE, FLAG, NX_FLAG_REWRITTEN,
     "{resolver} gives an address for names that do not exist (seen at canary "
     "names): this may be its form of a cached denial",
     "wait[ until {until}], flush {name} in {resolver}, and ask its operator "
     "to switch the rewriting off" MEANWHILE},
    {NX_STATE_OLD_POSITIVE, OVERDUE, 0, /* has a bound if unlike the servers */
     "{resolver} goes on giving what no name server was seen to give, later "
     "than a denial of the outage can be cached: an address that it makes up, "
     "or an answer for its region or view",
     "if its answer is right, " BY_REGION "; if not, ask the operator of "
     "{resolver} what it gives" MEANWHILE},
    {NX_STATE_OLD_POSITIVE, FLAG, NX_FLAG_UNLIKE_SERVERS,
     "{resolver} gives what no name server was seen to give: an address in "
     "place of a cached denial, an old answer, or one for its region or view",
     "wait until {hard}, flush {name} in {resolver}; if its answer is "
     "right, " BY_REGION MEANWHILE},
    {NX_STATE_OLD_POSITIVE, FLAG, NX_FLAG_UNLIKE_SERVERS,
     "{resolver} gives what no name server was seen to give",
     "flush {name} in {resolver}; if its answer is right, " BY_REGION
         MEANWHILE},
    {NX_STATE_OLD_POSITIVE, FLAG, NX_FLAG_RENEWED,
     "{resolver} gives another answer than the expected one, and again after "
     "it should have ended: another view of the zone, or an old copy",
     "find the name server or view that {resolver} asks, and check that it "
     "reaches the zone's; or correct --expect" MEANWHILE},
    {NX_STATE_OLD_POSITIVE, ALWAYS, 0,
     "{resolver} gives another answer than the expected one",
     "wait until {until},{by}" FLUSH ": the old answer is cached" MEANWHILE},
    {NX_STATE_OLD_POSITIVE, ALWAYS, 0,
     "another answer than the expected one is given",
     "flush the name; if it comes back, look for a name server with old data, "
     "or correct --expect"},

    {NX_STATE_SERVFAIL_DNSSEC, FLAG, NX_FLAG_CD_ANSWERED,
     "{resolver} cannot validate {name} (DNSSEC): with CD=1 it answers",
     "check DS, DNSKEY and RRSIG of the zone[; failures are kept until "
     "{hard}]" MEANWHILE},
    {NX_STATE_SERVFAIL_DNSSEC, ALWAYS, 0,
     "{resolver} cannot validate {name} (DNSSEC)",
     "check DS, DNSKEY and RRSIG of the zone[; failures are kept until "
     "{hard}]" MEANWHILE},
    {NX_STATE_SERVFAIL_DNSSEC, ALWAYS, 0,
     "the name cannot be validated (DNSSEC)",
     "check DS, DNSKEY and RRSIG of the zone"},
    {NX_STATE_SERVFAIL_OTHER, FLAG, NX_FLAG_CD_FAILS,
     "{resolver} fails to resolve {name} (SERVFAIL), with CD=1 too: it is not "
     "DNSSEC[; the name server {lame} does not serve the zone]",
     "check that {resolver} reaches every name server, over TCP too[; failures "
     "are kept "
     "until {hard}]" MEANWHILE},
    {NX_STATE_SERVFAIL_OTHER, FLAG, NX_FLAG_CD_ANSWERED,
     "{resolver} fails to resolve {name} (SERVFAIL), but not with CD=1: the "
     "zone has no DS, so this is a failure that is kept",
     "wait[ until {hard}], or flush {name} in {resolver}; then check that "
     "{resolver} reaches every name server" MEANWHILE},
    {NX_STATE_SERVFAIL_OTHER, ALWAYS, 0,
     "{resolver} fails to resolve {name} (SERVFAIL)[; the name server {lame} "
     "does not serve the zone]",
     "check that {resolver} reaches every name server[; failures are kept "
     "until {hard}]" MEANWHILE},
    {NX_STATE_SERVFAIL_OTHER, ALWAYS, 0, "the resolver fails (SERVFAIL)",
     "check that it reaches every name server"},

    {NX_STATE_REFUSED, OVERDUE, 0,
     "{resolver} refuses to answer; what it may have kept ended by {hard}",
     "let its operator allow this network, or name another resolver" MEANWHILE},
    {NX_STATE_REFUSED, ALWAYS, 0,
     "{resolver} refuses to answer; this says nothing about caches",
     "let its operator allow this network, or name another resolver" MEANWHILE},
    {NX_STATE_REFUSED, ALWAYS, 0, "the resolver refuses to answer",
     "let its operator allow this network, or name another resolver"},
    {NX_STATE_UNREACHABLE, FLAG, NX_FLAG_SIZE_LIMITED,
     "answers of {resolver} above {bytes} octets do not reach this network "
     "over "
     "UDP; over TCP they do",
     "let large UDP replies and their fragments through to this network, or "
     "let {resolver} send at most {bytes} octets (EDNS)" MEANWHILE},
    {NX_STATE_UNREACHABLE, FLAG, NX_FLAG_SIZE_BLOCKED,
     "answers of {resolver} above {bytes} octets do not reach this network, "
     "neither over UDP nor over TCP",
     "open TCP port 53 to {resolver} (RFC 7766), and let large UDP replies and "
     "their fragments through" MEANWHILE},
    {NX_STATE_UNREACHABLE, OVERDUE, 0,
     "{resolver} does not answer; what it may have kept ended by {hard}",
     "check {resolver} and the way to it" MEANWHILE},
    {NX_STATE_UNREACHABLE, BOUND, NX_HARD_NONE, "{resolver} does not answer",
     "check {resolver} and the way to it" MEANWHILE},
    {NX_STATE_UNREACHABLE, ALWAYS, 0,
     "{resolver} does not answer; a denial that it may keep ends by {hard}",
     "check {resolver} and the way to it" MEANWHILE},
    {NX_STATE_UNREACHABLE, ALWAYS, 0, "{resolver} does not answer",
     "check {resolver} and the way to it" MEANWHILE},
    {NX_STATE_UNREACHABLE, ALWAYS, 0, "the resolver does not answer",
     "check the resolver and the way to it"},

    {NX_STATE_UNKNOWN, FLAG, NX_FLAG_REFERRAL, REFERS},
    {NX_STATE_UNKNOWN, FLAG, NX_FLAG_SIZE_BLOCKED,
     "answers of {resolver} above {bytes} octets do not reach this network, "
     "neither over UDP nor over TCP",
     "open TCP port 53 to {resolver} (RFC 7766), and let large UDP replies and "
     "their fragments through" MEANWHILE},
    {NX_STATE_UNKNOWN, FLAG, NX_FLAG_TRUNCATED, CUT},
    {NX_STATE_UNKNOWN, ALIAS, 0,
     "not asked: {name} is an alias out of its zone, and whether its target is "
     "restored is not known",
     "open the incident for the target of the alias, or give --restored"},
    {NX_STATE_UNKNOWN, REASON, NX_UNKNOWN_GUARDED,
     "not asked yet: a question could plant the denial, and name server "
     "{server} denies {name}",
     "fix name server {server}[, serial {serial}]"},
    {NX_STATE_UNKNOWN, REASON, NX_UNKNOWN_GUARDED,
     "not asked yet: a question could plant the denial, and name server "
     "{denier} says that {gone} does not exist",
     "have name server {denier} put right"},
    {NX_STATE_UNKNOWN, REASON, NX_UNKNOWN_GUARDED,
     "not asked yet: name server {differs} has another {type} for {name} than "
     "the expected one",
     EXPECT},
    {NX_STATE_UNKNOWN, OLD_GUARD, 0,
     "not asked yet: name servers that left the NS set deny {name}, and caches "
     "may ask them until {looks}",
     "take the zone off the old name servers, or correct it there; else looks "
     "begin at {looks}"},
    {NX_STATE_UNKNOWN, REASON, NX_UNKNOWN_GUARDED,
     "not asked yet: a question could plant the denial before every name "
     "server is verified good",
     "wait for the restoration to be verified"},
    {NX_STATE_UNKNOWN, REASON, NX_UNKNOWN_NOT_LISTED,
     "{resolver} is no longer listed by the agent[; by its last forecast this "
     "clears at {until}]",
     "check by hand whether {resolver} is still in use there: it was not seen "
     "to be clear"},
    {NX_STATE_UNKNOWN, PRESUMED, 0,
     "the agent is silent[ since {seen}]; by its last forecast this is clear",
     "bring the agent back, or check by hand"},
    {NX_STATE_UNKNOWN, REASON, NX_UNKNOWN_AGENT_SILENT,
     "the agent is silent[ since {seen}][; by its last forecast this clears at "
     "{until}]",
     "bring the agent back, or check by hand: silence is no all-clear"},
    {NX_STATE_UNKNOWN, REASON, NX_UNKNOWN_AGENT_REVOKED,
     "the agent that asked {resolver}, last at {seen}, was revoked or shut "
     "out; "
     "what it saw there was not clear[; by its last forecast this clears at "
     "{until}]",
     "check {resolver} by hand, or accept another agent there: silence is no "
     "all-clear"},
    {NX_STATE_UNKNOWN, REASON, NX_UNKNOWN_AGENT_REVOKED,
     "its agent was revoked[ at {seen}]: nobody looks from there any more",
     "check by hand, or accept another agent there: silence is no all-clear"},
    {NX_STATE_UNKNOWN, REASON, NX_UNKNOWN_NO_ROOM,
     "not all resolvers of this network are asked: the collector has no room "
     "for more targets, or the agent has used up its share",
     "close incidents that are over, or have fewer agents and resolvers: what "
     "is not asked is not known to be clear"},
    {NX_STATE_UNKNOWN, REASON, NX_UNKNOWN_NOT_CACHED,
     "{resolver} holds neither the denial nor the answer",
     "nothing to do: the next query brings the restored answer"},
    {NX_STATE_UNKNOWN, REASON, NX_UNKNOWN_DENIED_ZONE_NOT_OBSERVED,
     "{name} is an alias: what is denied is {link}[, by zone {zone}, which is "
     "not watched]",
     "open an incident for {link}"},
    {NX_STATE_UNKNOWN, REASON, NX_UNKNOWN_DENIED_ZONE_NOT_OBSERVED,
     "the zone that denies the name is not watched",
     "let an agent in the role authority watch it; if the name is an alias, "
     "open an incident for its target"},
    {NX_STATE_UNKNOWN, REASON, NX_UNKNOWN_INCONSISTENT,
     "the looks contradict each other, or a name server changed back",
     "check the name servers; wait for the next looks"},
    {NX_STATE_UNKNOWN, ALWAYS, 0, "nothing has been seen here yet",
     "check that the agent runs and asks this network's resolvers"},
};

const size_t nx_advice_rows_n =
    sizeof(nx_advice_table) / sizeof(nx_advice_table[0]);
