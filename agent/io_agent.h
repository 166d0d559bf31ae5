/* The agent: what connects plan, probes, batches and uplink. */
#ifndef NX_AGENT_IO_AGENT_H
#define NX_AGENT_IO_AGENT_H

#include "agent/conf.h"
#include "agent/dns/hints.h"
#include "common/io_keys.h"

struct event_base;
struct nx_agentd;

/* Everything a configuration names, read and checked. */
struct nx_agent_setup {
    struct nx_agent_conf *conf;
    struct nx_keypair keys;
    struct nx_hints *hints;
    bool own_root; /* hints are the owner's, not the built-in ones */
};

/* Reads the configuration file and what it names (paths count from its folder).
 * On failure why says what is wrong: NX_ECONFIG (configuration or root hints),
 * NX_EDENIED, NX_EIO or NX_EMALFORMED (key file), NX_ENOMEM. */
int nx_agent_setup_load(const char *path, struct nx_agent_setup *out, char *why,
                        size_t why_cap) NX_MUSTUSE;
/* The configuration alone; the same errors. */
int nx_agent_conf_load(const char *path, struct nx_agent_conf **out, char *why,
                       size_t why_cap) NX_MUSTUSE;
void nx_agent_setup_fini(struct nx_agent_setup *setup);

/* The ledger of the spool on the disk, as a start now would find it, as lines
 * of "KEY VALUE" on standard output. Nothing is changed; an agent may be
 * running. NX_ECONFIG: no spool.path; NX_EDENIED, NX_EIO, NX_ENOMEM. */
int nx_agent_print_ledger(const struct nx_agent_conf *conf, char *why,
                          size_t why_cap) NX_MUSTUSE;

/* Takes ownership of what is in *setup when it succeeds. NX_ENOMEM, NX_EIO. */
int nx_agentd_new(struct event_base *base, struct nx_agent_setup *setup,
                  struct nx_agentd **out) NX_MUSTUSE;
void nx_agentd_free(struct nx_agentd **agent);

/* Swaps the whole setup; takes ownership. NX_ENOMEM: the old one stays, and
 * *setup is still the caller's. */
int nx_agentd_reload(struct nx_agentd *agent,
                     struct nx_agent_setup *setup) NX_MUSTUSE;

/* After the loop was left: did it end to begin anew, as the spool's disk works
 * that failed at the start? Then *out is for nx_agentd_new, and the agent is to
 * be freed. */
bool nx_agentd_again(struct nx_agentd *agent, struct nx_agent_setup *out);

/* Stops asking, sends what there is and leaves the loop (event_base_loopbreak)
 * when all is acknowledged, or after a few seconds. */
void nx_agentd_drain(struct nx_agentd *agent);

#endif
