#include "common/err.h"

const char *nx_strerror(int err) {
    switch ((enum nx_err)err) {
    case NX_OK:
        return "success";
#define NX_ERR_TEXT_(name, text)                                               \
    case NX_E##name:                                                           \
        return text;
        NX_ERR_MAP(NX_ERR_TEXT_)
#undef NX_ERR_TEXT_
    case NX_ERR_FIRST_:
    case NX_ERR_LAST_:
        break;
    }
    return "unknown error";
}
