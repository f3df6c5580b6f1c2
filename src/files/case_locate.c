/*
 * Where a key stands in a JSON text: jansson keeps no line numbers of values.
 *
 * The text has been parsed before, so the scanner may take its syntax for granted. A key is named
 * by its dotted path, array elements by index: "samplers.0.alpha".
 */
#include <stdlib.h>
#include <string.h>

#include "internal.h"

typedef struct {
    const char *at;
    int line;
} cursor;

static void skip_space(cursor *c)
{
    for (; *c->at != '\0' && strchr(" \t\r\n", *c->at) != NULL; c->at++)
        c->line += *c->at == '\n';
}

/* From an opening quotation mark to behind the closing one. */
static void skip_string(cursor *c)
{
    for (c->at++; *c->at != '"' && *c->at != '\0'; c->at++)
        if (*c->at == '\\' && c->at[1] != '\0')
            c->at++;
    c->at += *c->at == '"';
}

static void skip_value(cursor *c)
{
    int depth = 0;
    skip_space(c);
    do {
        if (*c->at == '"') {
            skip_string(c);
        } else if (strchr("{}[],:", *c->at) == NULL) {
            c->at += strcspn(c->at, " \t\r\n{}[],:\"");
        } else if (*c->at != '\0') {
            depth += *c->at == '{' || *c->at == '[';
            depth -= *c->at == '}' || *c->at == ']';
            c->at++;
        }
        if (depth > 0)
            skip_space(c);
    } while (depth > 0 && *c->at != '\0');
}

/* What is left of `path` behind the key written at [begin, end), or NULL if it begins otherwise. */
static const char *behind_key(const char *path, const char *begin, const char *end)
{
    const char *rest = NULL;
    json_t *key = json_loadb(begin, (size_t)(end - begin), JSON_DECODE_ANY, NULL);
    size_t length = json_string_length(key);
    if (key != NULL && strncmp(path, json_string_value(key), length) == 0 &&
        (path[length] == '.' || path[length] == '\0'))
        rest = path + length;
    json_decref(key);
    return rest;
}

/* As behind_key for the element `index` of an array. */
static const char *behind_index(const char *path, long index)
{
    char *end = NULL;
    if (*path < '0' || *path > '9' || strtol(path, &end, 10) != index)
        return NULL;
    return *end == '.' || *end == '\0' ? end : NULL;
}

/* `c` stands at a value, `path` is relative to it and begins with a dot unless it is empty. */
static int locate(cursor *c, const char *path)
{
    skip_space(c);
    if (*path == '\0')
        return c->line;
    bool object = *c->at == '{';
    if (!object && *c->at != '[')
        return 0;
    path += *path == '.';
    c->at++;
    for (long index = 0; skip_space(c), *c->at != '}' && *c->at != ']' && *c->at != '\0'; index++) {
        cursor key = *c;
        if (object) {
            skip_string(c);
            skip_space(c);
            c->at++; /* the colon */
        }
        const char *rest = object ? behind_key(path, key.at, c->at - 1) : behind_index(path, index);
        if (rest != NULL && *rest == '\0')
            return key.line;
        cursor value = *c;
        int line = rest == NULL ? 0 : locate(&value, rest);
        if (line > 0)
            return line;
        skip_value(c);
        skip_space(c);
        c->at += *c->at == ',';
    }
    return 0;
}

int gref_case_locate(const char *text, const char *key)
{
    cursor start = {text, 1};
    return locate(&start, key);
}
