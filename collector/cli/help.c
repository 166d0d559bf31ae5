#include <string.h>

#include "collector/cli/args.h"

const char *nx_args_help(void) {
    return "usage: nxclear [--api URL] COMMAND ...\n"
           "\n"
           "Shows which networks still serve a cached negative DNS answer, and "
           "when each\nclears.\n"
           "\n"
           "  incident open NAME TYPE... [--expect TYPE=RDATA]...\n"
           "           [--outage FROM..TO] [--restored auto|TIME] "
           "[--note TEXT]\n"
           "  incident list | show [ID] | close ID | export [ID]\n"
           "  status [ID] [-w|--watch] [-a|--all] [--json|--jsonl]\n"
           "           [--where KEY=VALUE]... [--group KEY]\n"
           "  explain [ID] NETWORK [-a|--all] [--json]\n"
           "  report [ID] [--format md|html|json]\n"
           "  evidence [ID] NETWORK [-o|--output FOLDER|FILE.tar]\n"
           "  audit NAME [TYPE]... [--expect TYPE=RDATA]... [--timeout "
           "DURATION]\n"
           "  preflight NAME [TYPE]... [--expect TYPE=RDATA]...\n"
           "           [--accident DURATION] [--timeout DURATION] "
           "[-a|--all]\n"
           "  wait [ID] [--timeout DURATION] [--patience DURATION]\n"
           "  agents list | ledger\n"
           "  agents accept KEY --network NETWORK [--name NAME]\n"
           "           [--role network|authority]\n"
           "  agents reject KEY | revoke WHO | quarantine WHO | release WHO\n"
           "  agents log\n"
           "  enrol create --network NETWORK [--name NAME] "
           "[--role network|authority]\n"
           "           [--expires DURATION]\n"
           "  enrol list | revoke ID\n"
           "  alerts list | test [RECEIVER]\n"
           "  agents label NAME KEY=VALUE...\n"
           "  networks\n"
           "  networks label NETWORK KEY=VALUE...\n"
           "  resolvers [--measure [NETWORK] [--timeout DURATION]]\n"
           "  score [ID] [--since DURATION|--from TIME] [--to TIME] [--json]\n"
           "  tokens create NAME [--scope read|admin] [--network A,B] "
           "[--expires DURATION]\n"
           "  tokens list | revoke NAME\n"
           "  estimate [FILE]\n"
           "  replay [RECORDING] [--at TIME]... [--every DURATION]\n"
           "           [--json|--jsonl]\n"
           "\n"
           "estimate and replay ask no collector: they read a file or standard "
           "input.\n"
           "Without ID: the only open incident. Lists take --json and --jsonl "
           "too, what\nshows or changes one thing takes --json.\n"
           "TIME, FROM, TO: RFC 3339, HH:MM[:SS] (the last such moment, UTC), "
           "now, now-90s.\n"
           "DURATION: 90s, 15m, 2h, 1h30m. KEY: site, provider, asn, country; "
           "of\nstatus also resolver, of label also weight (clients).\n"
           "The patience of wait, while nothing is on schedule: --timeout, or "
           "else 5m.\n"
           "\n"
           "  --api URL      unix:/PATH or http[s]://HOST:PORT; else "
           "$NXCLEAR_API, else\n"
           "                 " NX_API_DEFAULT "\n"
           "  --token-file FILE\n"
           "                 with the token for http; else $NXCLEAR_TOKEN\n"
           "  -h, --help     this text; after a command: of it alone\n"
           "  -V, --version  the version\n"
           "\n"
           "status exits with 0 all clear, 1 negative but on schedule, 2 "
           "overdue, stuck or\n"
           "not restored, 3 unknown; wait with 0 cleared, 1 timeout on "
           "schedule, 2 cannot\n"
           "clear as things stand, 3 no data; audit and preflight with 0 "
           "well, 1 warning,\n2 error, 3 nobody reported. 64 usage, 65 bad "
           "input, 66 no input,\n69 collector not reachable, 77 not "
           "permitted. nxclear(1) tells more.\n";
}

/* "  status [ID] ...": in the list of commands. */
static bool is_command(const char *line) {
    return strncmp(line, "  ", 2) == 0 && line[2] >= 'a' && line[2] <= 'z';
}

static bool is_of(const char *line, const char *word) {
    size_t len = strlen(word);
    return strncmp(line + 2, word, len) == 0 &&
           (line[2 + len] == ' ' || line[2 + len] == '\n');
}

void nx_args_help_of(const char *word, struct nx_text *out) {
    bool wanted = true;
    size_t found = 0;
    const char *end = NULL;
    nx_text_init(out);
    for (const char *line = nx_args_help(); *line != '\0'; line = end + 1) {
        end = strchr(line, '\n');
        if (is_command(line)) {
            wanted = is_of(line, word);
            found += wanted ? 1 : 0;
        } else if (line[0] != ' ' || line[2] == '-') { /* else: goes on */
            wanted = true;
        }
        if (wanted) {
            nx_text_addf(out, "%.*s\n", (int)(end - line), line);
        }
    }
    if (found == 0) { /* no such command: all there are */
        nx_text_fini(out);
        nx_text_init(out);
        nx_text_add(out, nx_args_help());
    }
}
