/* Does what the configuration names exist? What can be known without starting.
 *
 * The key (NX_EIO, NX_EDENIED, NX_EMALFORMED as nx_keys_read), and the folders
 * of the store and of the socket, and secrets of receivers (NX_ECONFIG). On
 * failure why has "FILE:LINE: KEY: reason", of the key file "PATH: reason". */
#ifndef NX_COLLECTOR_IO_CHECK_H
#define NX_COLLECTOR_IO_CHECK_H

#include "collector/conf.h"

int nx_check(const char *file, const struct nx_collector_conf *conf, char *why,
             size_t why_cap) NX_MUSTUSE;

/* Will mail to receivers go out? NX_ECONFIG; why as above, without a line. Not
 * for a start: all else works without it, and it may be mended meanwhile. */
int nx_check_mail(const char *file, const struct nx_collector_conf *conf,
                  char *why, size_t why_cap) NX_MUSTUSE;

#endif
