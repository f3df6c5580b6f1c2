/* Status texts and the thread-local error record. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "internal.h"

static _Thread_local gref_error last_error;

/**
 * Text of a status code, "unknown status" for a value outside the list. Never NULL.
 */
const char *gref_status_text(gref_status status)
{
    switch (status) {
#define GREF_STATUS_CASE(name, text)                                                               \
    case name:                                                                                     \
        return text;
        GREF_STATUS_LIST(GREF_STATUS_CASE)
#undef GREF_STATUS_CASE
    }
    return "unknown status";
}

/**
 * The record of this thread's last failing call. Valid until the next failing call of the same
 * thread; a successful call does not clear it, so read it only after a status other than GREF_OK.
 */
const gref_error *gref_last_error(void)
{
    return &last_error;
}

gref_status gref_fail(gref_status status, const char *file, int line, const char *function,
                      int info, const char *fmt, ...)
{
    last_error.status = status;
    last_error.file = file;
    last_error.line = line;
    last_error.function = function;
    last_error.info = info;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(last_error.message, sizeof last_error.message, fmt, ap);
    va_end(ap);
    return status;
}

gref_status gref_fail_context(gref_status status, const char *fmt, ...)
{
    char prefix[sizeof last_error.message];
    char message[sizeof last_error.message];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(prefix, sizeof prefix, fmt, ap);
    va_end(ap);
    memcpy(message, last_error.message, sizeof message);
    size_t used = strnlen(prefix, sizeof prefix);
    size_t room = sizeof message - used;
    memcpy(last_error.message, prefix, used);
    if (room > 3) {
        memcpy(last_error.message + used, ": ", 2);
        size_t rest = strnlen(message, sizeof message);
        if (rest > room - 3)
            rest = room - 3;
        memcpy(last_error.message + used + 2, message, rest);
        last_error.message[used + 2 + rest] = '\0';
    } else {
        last_error.message[sizeof message - 1] = '\0';
    }
    return status;
}
