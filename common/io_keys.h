/* CURVE key files: two lines, `public: <Z85>` and `secret: <Z85>`.
 *
 * A key file belongs to its owner alone: it is made with mode 0600, never
 * overwritten, and one that group or others may touch is refused. A file in
 * CREDENTIALS_DIRECTORY may look readable by its group (systemd.exec(5)). */
#ifndef NX_COMMON_IO_KEYS_H
#define NX_COMMON_IO_KEYS_H

#include <stddef.h>

#include "common/err.h"
#include "common/z85.h"

#define NX_KEYS_WHY_MAX 512U /* enough for every message below */

struct nx_keypair {
    char public_key[NX_KEY_TEXT_MAX];
    char secret_key[NX_KEY_TEXT_MAX];
};

/* Every function below writes "PATH: reason" to why (why_cap bytes) when it
 * fails. Symbolic links at the end of the path are not followed. */

/* Makes a pair and the file. NX_EEXISTS: there is a file; NX_EIO. */
int nx_keys_create(const char *path, struct nx_keypair *out, char *why,
                   size_t why_cap) NX_MUSTUSE;

/* Reads a pair. NX_EIO: cannot be opened or read, NX_EDENIED: not a regular
 * file or readable by others, NX_EMALFORMED: not a key file, or the public
 * key is not the secret key's. */
int nx_keys_read(const char *path, struct nx_keypair *out, char *why,
                 size_t why_cap) NX_MUSTUSE;

/* Overwrites the secret in a way the compiler does not remove. */
void nx_keys_wipe(struct nx_keypair *keys);

#endif
