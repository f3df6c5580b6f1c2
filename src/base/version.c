/* The version of the library, named once in meson.build, and the commit it was built from. */
#include <string.h>

#include "gref_commit.h"
#include <gref/version.h>

/** "MAJOR.MINOR.PATCH", of the library that is loaded; static storage. */
const char *gref_version(void)
{
    return GREF_VERSION;
}

/** 40 hexadecimal digits, with "-dirty" behind them where the tree had changes; or "unknown". */
const char *gref_commit(void)
{
    return GREF_COMMIT;
}

/** True if the tree that the library was built from had uncommitted changes. */
bool gref_commit_is_dirty(void)
{
    return strstr(GREF_COMMIT, "-dirty") != NULL;
}
