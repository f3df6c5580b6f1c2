/* Which version of the library this is, and which commit, at run time. */
#ifndef GREF_VERSION_H
#define GREF_VERSION_H

#include <stdbool.h>

#include <gref/status.h>

#ifdef __cplusplus
extern "C" {
#endif

GREF_API const char *gref_version(void);
GREF_API const char *gref_commit(void);
GREF_API bool gref_commit_is_dirty(void);

#ifdef __cplusplus
}
#endif
#endif
