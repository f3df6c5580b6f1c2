/* Keys by their dotted path, and who is to blame for what stands there: a line or an override. */
#include <stdlib.h>
#include <string.h>

#include "internal.h"

void gref_case_join(char key[GREF_CASE_KEY], const char *parent, const char *name)
{
    char joined[GREF_CASE_KEY]; /* key may be parent */
    snprintf(joined, sizeof joined, "%s%s%s", parent, *parent == '\0' ? "" : ".", name);
    for (char *p = joined; *p != '\0'; p++)
        if ((unsigned char)*p < ' ' || *p == 0x7f)
            *p = '?';
    memcpy(key, joined, sizeof joined);
}

void gref_case_join_index(char key[GREF_CASE_KEY], const char *parent, size_t index)
{
    char name[24];
    snprintf(name, sizeof name, "%zu", index);
    gref_case_join(key, parent, name);
}

void gref_case_show(char shown[GREF_CASE_SHOWN], const json_t *value)
{
    char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_ENSURE_ASCII | JSON_REAL_PRECISION(15));
    int most = GREF_CASE_SHOWN - 4;
    bool whole = text == NULL || strlen(text) <= (size_t)most;
    snprintf(shown, GREF_CASE_SHOWN, "%.*s%s", most, text == NULL ? "?" : text, whole ? "" : "...");
    free(text);
}

bool gref_case_within(const char *key, const char *ancestor)
{
    size_t length = strlen(ancestor);
    return strncmp(key, ancestor, length) == 0 &&
           (length == 0 || key[length] == '\0' || key[length] == '.');
}

/* The last override that wrote the value at `key`, or what it lies in; else one that made `key`. */
const gref_case_override *gref_case_override_of(const gref_case *c, const char *key)
{
    for (int k = c->n_sets - 1; k >= 0; k--)
        if (gref_case_within(key, c->sets[k].key))
            return &c->sets[k];
    if (gref_case_locate(c->text, key) > 0)
        return NULL;
    for (int k = c->n_sets - 1; k >= 0; k--)
        if (gref_case_within(c->sets[k].key, key))
            return &c->sets[k];
    return NULL;
}

/* Line of the key, or of the nearest object around it that the file has. */
static int line_of(const gref_case *c, const char *key)
{
    char around[GREF_CASE_KEY];
    snprintf(around, sizeof around, "%s", key);
    for (;;) {
        int line = gref_case_locate(c->text, around);
        char *dot = strrchr(around, '.');
        if (line > 0 || *around == '\0')
            return line;
        *(dot == NULL ? around : dot) = '\0';
    }
}

gref_status gref_case_blame_override(const gref_case_override *set, gref_status status)
{
    char text[160];
    snprintf(text, sizeof text, "%s", set->text);
    for (char *p = text; *p != '\0'; p++)
        if ((unsigned char)*p < ' ' || *p == 0x7f)
            *p = ' ';
    return gref_fail_context(status, "--set %s%s", text,
                             strlen(set->text) >= sizeof text ? "..." : "");
}

gref_status gref_case_blame(const gref_case *c, const char *key, gref_status status)
{
    const gref_case_override *set = gref_case_override_of(c, key);
    if (set != NULL)
        return gref_case_blame_override(set, status);
    size_t length = strlen(c->path), most = 400; /* a longer path would push the message out */
    return gref_fail_context(status, "%s:%d", c->path + (length > most ? length - most : 0),
                             line_of(c, key));
}
