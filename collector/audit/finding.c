#include "collector/audit/finding.h"

#include <stdio.h>
#include <string.h>

#include "common/text.h"

static const struct {
    const char *tag;
    enum nx_severity severity;
    const char *advice;
} table[NX_FINDINGS_N] = {
    [NX_FIND_STILL_NEGATIVE] =
        {"STILL_NEGATIVE", NX_ERROR,
         "load the present zone on this server: until then resolvers that ask "
         "it cache the denial again"},
    [NX_FIND_OTHER_ANSWER] =
        {"OTHER_ANSWER", NX_ERROR,
         "load the present zone on this server, or correct --expect"},
    [NX_FIND_ALIAS_OUT_OF_ZONE] =
        {"ALIAS_OUT_OF_ZONE", NX_WARNING,
         "open the incident for the alias's target, or declare the restoration "
         "with --restored"},
    [NX_FIND_ALIAS_UNFOLLOWED] =
        {"ALIAS_UNFOLLOWED", NX_WARNING,
         "open the incident for the alias's target, or let this server answer "
         "with what is there (RFC 1034, section 4.3.2): until then it proves "
         "nothing, and resolvers are not asked where the proof rests on it "
         "(with own_proof in an agent's policy, on half of the servers)"},
    [NX_FIND_WILDCARD] =
        {"WILDCARD", NX_NOTE,
         "when this record is missing, clients get the wildcard's answer "
         "instead of NXDOMAIN: look for old positive answers, too"},
    [NX_FIND_NS_LAME] =
        {"NS_LAME", NX_ERROR,
         "make this server serve the zone, or take it out of the NS sets of "
         "parent and zone"},
    [NX_FIND_NS_SILENT] =
        {"NS_SILENT", NX_ERROR,
         "bring this server back, or take it out of the NS sets of parent and "
         "zone"},
    [NX_FIND_NO_TCP] =
        {"NO_TCP", NX_WARNING,
         "open TCP port 53 to this server (RFC 7766): large answers fail "
         "without it"},
    [NX_FIND_NO_EDNS] =
        {"NO_EDNS", NX_WARNING,
         "let this server answer EDNS (RFC 6891): DNSSEC fails without it"},
    [NX_FIND_LARGE_ANSWERS_LOST] =
        {"LARGE_ANSWERS_LOST", NX_WARNING,
         "let UDP answers of that size, and fragments, through on the way from "
         "this server, or have it truncate above 1232 octets: resolvers that "
         "offer more wait in vain"},
    [NX_FIND_SERIAL_MISMATCH] =
        {"SERIAL_MISMATCH", NX_WARNING,
         "have the secondaries with the older serial transfer the zone"},
    [NX_FIND_FLAPPING] =
        {"FLAPPING", NX_WARNING,
         "find what changes the zone back and forth (a second source, a "
         "transfer that fails) before calling it over: each time caches may "
         "have kept denials anew"},
    [NX_FIND_NS_SET_DIFFERS] =
        {"NS_SET_DIFFERS", NX_WARNING,
         "make the parent's NS set and the zone's own the same"},
    [NX_FIND_NS_NO_ADDRESS] =
        {"NS_NO_ADDRESS", NX_WARNING,
         "add the address of this name server, and its glue at the parent"},
    [NX_FIND_GLUE_DIFFERS] =
        {"GLUE_DIFFERS", NX_WARNING,
         "compare each name server's A and AAAA in its own zone with the glue "
         "in the parent's referral, and have the registrar (or the parent) set "
         "the glue to the right ones: resolvers may ask all of them"},
    [NX_FIND_GLUE_MISSING] =
        {"GLUE_MISSING", NX_WARNING,
         "have the registrar (or the parent) add the addresses of each name "
         "server in the zone as glue: resolvers find it only through the "
         "others, or not at all"},
    [NX_FIND_NS_SET_CHANGED] =
        {"NS_SET_CHANGED", NX_NOTE,
         "caches may ask the old servers until the old NS TTL ends: keep them "
         "answering with the present zone"},
    [NX_FIND_OLD_SERVER_DENIES] =
        {"OLD_SERVER_DENIES", NX_ERROR,
         "take the zone off this old server, or correct it there; else looks "
         "at resolvers begin when the old NS set has run out"},
    [NX_FIND_OLD_SERVER_UNSEEN] =
        {"OLD_SERVER_UNSEEN", NX_WARNING,
         "check that an authority agent can ask this old server; else looks "
         "at resolvers begin when the old NS set has run out"},
    [NX_FIND_PARENT_DENIES] =
        {"PARENT_DENIES", NX_ERROR,
         "have this server of the parent serve the delegation: caches that ask "
         "it keep that nothing exists in the zone; looks at resolvers wait for "
         "it"},
    [NX_FIND_NAME_ABOVE_DENIED] =
        {"NAME_ABOVE_DENIED", NX_ERROR,
         "correct this name server: a name that others are below exists, if "
         "without records (RFC 8020), and resolvers may ask for it first (RFC "
         "9156); looks at resolvers wait for it"},
    [NX_FIND_ZONE_NOT_REACHED] =
        {"ZONE_NOT_REACHED", NX_ERROR,
         "check the delegation from the parent down, and that the authority "
         "agent may send to the root and the parent's servers"},
    [NX_FIND_DS_WITHOUT_KEY] =
        {"DS_WITHOUT_KEY", NX_ERROR,
         "publish the key that the DS names, or have the parent take the DS "
         "away: validating resolvers answer SERVFAIL"},
    [NX_FIND_KEY_WITHOUT_DS] =
        {"KEY_WITHOUT_DS", NX_NOTE,
         "the zone is signed but its parent has no DS: nobody validates it"},
    [NX_FIND_DNSKEY_DIFFERS] =
        {"DNSKEY_DIFFERS", NX_ERROR,
         "have all servers serve the same signed zone: validation fails by "
         "chance"},
    [NX_FIND_NOT_SIGNED] =
        {"NOT_SIGNED", NX_ERROR,
         "the parent has a DS but this server sends no signatures: load the "
         "signed zone, or have the DS taken away"},
    [NX_FIND_SIGNATURE_EXPIRED] =
        {"SIGNATURE_EXPIRED", NX_ERROR,
         "sign the zone again and check this server's clock and transfers: "
         "validating resolvers answer SERVFAIL"},
    [NX_FIND_SIGNATURE_ENDS_SOON] =
        {"SIGNATURE_ENDS_SOON", NX_WARNING,
         "check that the signer runs: signatures are usually renewed days "
         "before they end"},
    [NX_FIND_SIGNATURE_NOT_YET] =
        {"SIGNATURE_NOT_YET", NX_ERROR,
         "check the signer's clock: the signatures begin in the future"},
    [NX_FIND_NSEC3_ITERATIONS] =
        {"NSEC3_ITERATIONS", NX_NOTE,
         "use 0 iterations (RFC 9276): some resolvers treat more as insecure "
         "or as an error"},
    [NX_FIND_NEGATIVE_TTL_LONG] =
        {"NEGATIVE_TTL_LONG", NX_WARNING,
         "lower SOA MINIMUM and SOA TTL: more than a day was found to be "
         "problematic (RFC 2308, section 5)"},
    [NX_FIND_DENIAL_TTL_LONG] =
        {"DENIAL_TTL_LONG", NX_WARNING,
         "let the signer clip the TTL of NSEC and NSEC3 to the negative TTL "
         "(RFC 9077): until then denials may last for the longer one"},
    [NX_FIND_AUDITOR_SILENT] = {"AUDITOR_SILENT", NX_WARNING,
                                "look after the authority agent, and its way "
                                "to the name servers: what "
                                "is said of them is as old as that"},
    [NX_FIND_AUDITOR_NO_WAY] =
        {"AUDITOR_NO_WAY", NX_NOTE,
         "run an authority agent where there is a way by both IPv4 and IPv6: "
         "resolvers may ask what is not audited"},
    [NX_FIND_DECLARED_ONLY] =
        {"DECLARED_ONLY", NX_NOTE,
         "start an authority agent where the name servers can be reached, to "
         "have the restoration verified"},
};

const char *nx_finding_tag_text(enum nx_finding_tag tag) {
    return table[tag].tag;
}

const char *nx_severity_text(enum nx_severity severity) {
    static const char *const text[] = {"note", "warning", "error"};
    return text[severity];
}

enum nx_severity nx_finding_severity(enum nx_finding_tag tag) {
    return table[tag].severity;
}

const char *nx_finding_advice(enum nx_finding_tag tag) {
    return table[tag].advice;
}

char *nx_finding_server(const struct nx_endpoint *at, const uint8_t *name,
                        char *out, size_t cap) {
    char text[NX_DNAME_TEXT_MAX];
    char address[NX_ENDPOINT_TEXT_MAX];
    struct nx_endpoint plain = *at;
    plain.transport = NX_UDP;
    plain.server_name = NULL;
    (void)nx_endpoint_text(&plain, address);
    if (name != NULL && name[0] != 0) {
        (void)snprintf(out, cap, "%s %s", nx_dname_text(name, text), address);
    } else {
        (void)snprintf(out, cap, "%s", address);
    }
    return out;
}
