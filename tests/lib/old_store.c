/* old_store PATH: writes a store as the first version of the schema had it,
 * with an agent, for tests of bringing one up to date. */
#include <sqlite3.h>
#include <stdio.h>

#include "collector/store/schema.h"

int main(int argc, char **argv) {
    static const char rest[] =
        "PRAGMA application_id = 1853383532; PRAGMA user_version = 1;"
        "INSERT INTO agent(key, name, network, role, state, address, "
        "changed_us) VALUES('" /* a key of nobody */
        "0000000000000000000000000000000000000000"
        "', 'lyon', 'lyon', 'network', 'accepted', '', 0);"
        "INSERT INTO stream VALUES(1, 7, 100, 100, 0, 0)";
    sqlite3 *db = NULL;
    if (argc != 2 || sqlite3_open(argv[1], &db) != SQLITE_OK ||
        sqlite3_exec(db, "PRAGMA page_size = 8192; PRAGMA journal_mode = WAL",
                     NULL, NULL, NULL) != SQLITE_OK ||
        sqlite3_exec(db, nx_schema_step(1), NULL, NULL, NULL) != SQLITE_OK ||
        sqlite3_exec(db, rest, NULL, NULL, NULL) != SQLITE_OK) {
        fprintf(stderr, "old_store: %s\n",
                db != NULL ? sqlite3_errmsg(db) : "wants a path");
        return 1;
    }
    return sqlite3_close(db) == SQLITE_OK ? 0 : 1;
}
