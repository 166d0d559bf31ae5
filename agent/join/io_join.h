/* `nxclear-agent join`: shows a join string at the collector's enrolment port
 * and keeps what comes of it. Blocks; nothing else runs. */
#ifndef NX_AGENT_IO_JOIN_H
#define NX_AGENT_IO_JOIN_H

#include "common/io_keys.h"
#include "common/join.h"

#define NX_JOIN_WHY_MAX 512U

/* Asks each address in turn, some seconds each. NX_OK: there is an answer,
 * whatever its verdict. On failure why says what happened at the last one:
 * NX_EIO, NX_EDENIED (shown out before a word), NX_EMALFORMED. */
int nx_join_ask(const struct nx_join *join, const struct nx_keypair *keys,
                struct nx_join_reply *reply, char *why,
                size_t why_cap) NX_MUSTUSE;

/* The whole command: conf_path is written when it is not there (with a key
 * beside it), else read for its key and compared. text "-": the string is on
 * standard input. Says on standard output what is done, on standard error what
 * went wrong. A code of sysexits. */
int nx_join_run(const char *conf_path, const char *text);

#endif
