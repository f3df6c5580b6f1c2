/* What every writer of JSON shares, the program's commands too; not installed. */
#ifndef GREF_BASE_JSON_H
#define GREF_BASE_JSON_H

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

/* A finite number, or null: no infinity and no NaN ever reaches a file. */
static inline json_t *number(double x)
{
    return isfinite(x) ? json_real(x) : json_null();
}

/* The text of o, every double in full, with a final newline; uses o up, which may be NULL. NULL
 * without memory. */
static inline char *json_text(json_t *o)
{
    char *text = json_dumps(o, JSON_INDENT(1) | JSON_REAL_PRECISION(17));
    size_t length = text == NULL ? 0 : strlen(text);
    char *lines = text == NULL ? NULL : realloc(text, length + 2);
    json_decref(o);
    if (lines == NULL)
        free(text);
    else
        memcpy(lines + length, "\n", 2);
    return lines;
}

#endif
