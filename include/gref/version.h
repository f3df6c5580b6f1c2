/* Which version of the library this is, at run time. */
#ifndef GREF_VERSION_H
#define GREF_VERSION_H

#include <gref/status.h>

#ifdef __cplusplus
extern "C" {
#endif

GREF_API const char *gref_version(void);

#ifdef __cplusplus
}
#endif
#endif
