/* Errors: one negative number per kind of failure, each with a text.
 *
 * Functions return 0 or a negative enum nx_err; outputs are untouched on
 * failure. */
#ifndef NX_COMMON_ERR_H
#define NX_COMMON_ERR_H

#define NX_MUSTUSE __attribute__((warn_unused_result))
#define NX_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))

#define NX_ERR_MAP(X)                                                          \
    X(NOMEM, "out of memory")                                                  \
    X(LIMIT, "larger than the limit")                                          \
    X(MALFORMED, "malformed")                                                  \
    X(TRUNCATED, "ends too early")                                             \
    X(RANGE, "out of range")                                                   \
    X(NAME, "not a domain name")                                               \
    X(TYPE, "not a record type")                                               \
    X(ADDRESS, "not an address")                                               \
    X(MISMATCH, "does not answer the question")                                \
    X(NOTFOUND, "not found")                                                   \
    X(EXISTS, "exists already")                                                \
    X(DENIED, "not permitted")                                                 \
    X(STATE, "not possible in this state")                                     \
    X(CONFIG, "configuration error")                                           \
    X(IO, "input/output error")                                                \
    X(FULL, "no space left")                                                   \
    X(VERSION, "unsupported version")                                          \
    X(AGAIN, "try again later")

enum nx_err {
    NX_OK = 0,
    NX_ERR_FIRST_ = -1000,
#define NX_ERR_ENUM_(name, text) NX_E##name,
    NX_ERR_MAP(NX_ERR_ENUM_)
#undef NX_ERR_ENUM_
        NX_ERR_LAST_
};

/* The text of an error code; never NULL. */
const char *nx_strerror(int err);

#endif
