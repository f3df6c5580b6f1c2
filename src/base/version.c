/* The version of the library; meson.build names it once. */
#include <gref/version.h>

/** "MAJOR.MINOR.PATCH", of the library that is loaded; static storage. */
const char *gref_version(void)
{
    return GREF_VERSION;
}
