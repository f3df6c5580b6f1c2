/*
 * The header of NumPy's .npy format, versions 1.0 to 3.0; numpy/lib/format.py is its specification.
 *
 *     bytes 0-5    "\x93NUMPY"
 *     bytes 6, 7   version, major and minor
 *     bytes 8-     length of the header text, little-endian: 2 bytes in version 1, 4 in 2 and 3
 *     then         the header text, a Python dict:
 *                  {'descr': '<f8', 'fortran_order': False, 'shape': (3, 4), }
 *     then         the entries, entry (i, j) at i n + j (C order) or j m + i (Fortran order)
 */
#include <ctype.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

#define MAGIC "\x93NUMPY"
enum { MAGIC_SIZE = 6, EXCERPT = GREF_NPY_EXCERPT };

/* The part of the header text that is still to be read. */
typedef struct {
    const char *at, *end;
    const char *name; /* of the file, for messages */
} cursor;

/* At most EXCERPT - 1 bytes from `at`, fit for a one-line message. */
static const char *excerpt(char text[EXCERPT], const char *at, const char *end)
{
    int k = 0;
    for (; k < EXCERPT - 1 && at + k < end; k++)
        text[k] = isprint((unsigned char)at[k]) ? at[k] : '?';
    while (k > 0 && at + k == end && text[k - 1] == ' ')
        k--;
    text[k] = '\0';
    return text;
}

static void skip_space(cursor *c)
{
    while (c->at < c->end && strchr(" \t\r\n", *c->at) != NULL && *c->at != '\0')
        c->at++;
}

/* Skips white space and then `text`, if that is what follows. */
static bool take(cursor *c, const char *text)
{
    size_t length = strlen(text);
    skip_space(c);
    if ((size_t)(c->end - c->at) < length || memcmp(c->at, text, length) != 0)
        return false;
    c->at += length;
    return true;
}

static gref_status expect(cursor *c, const char *text)
{
    char rest[EXCERPT];
    REQUIRE(take(c, text), GREF_ERR_FORMAT,
            "%s: malformed .npy header: '%s' expected before \"%s\"", c->name, text,
            excerpt(rest, c->at, c->end));
    return GREF_OK;
}

/* A Python string without escapes. */
static gref_status parse_string(char *text, size_t size, cursor *c)
{
    char rest[EXCERPT];
    skip_space(c);
    const char *start = c->at + 1, *stop = start;
    bool quoted = c->at < c->end && (*c->at == '\'' || *c->at == '"');
    while (quoted && stop < c->end && *stop != *c->at && *stop != '\\' &&
           isprint((unsigned char)*stop))
        stop++;
    REQUIRE(quoted && stop < c->end && *stop == *c->at && (size_t)(stop - start) < size,
            GREF_ERR_FORMAT, "%s: malformed .npy header: a quoted name expected at \"%s\"", c->name,
            excerpt(rest, c->at, c->end));
    memcpy(text, start, (size_t)(stop - start));
    text[stop - start] = '\0';
    c->at = stop + 1;
    return GREF_OK;
}

static gref_status parse_bool(bool *value, cursor *c)
{
    bool yes = take(c, "True");
    if (!yes)
        TRY(expect(c, "False"));
    *value = yes;
    return GREF_OK;
}

/* One number of the shape; Python 2 wrote a long as 3L. */
static gref_status parse_dimension(int *value, cursor *c)
{
    char text[EXCERPT];
    skip_space(c);
    const char *start = c->at;
    bool negative = take(c, "-"), overflow = false;
    const char *digits = c->at;
    int v = 0;
    for (; c->at < c->end && isdigit((unsigned char)*c->at); c->at++) {
        int digit = *c->at - '0';
        overflow = overflow || v > (INT_MAX - digit) / 10;
        v = overflow ? 0 : 10 * v + digit;
    }
    REQUIRE(c->at > digits, GREF_ERR_FORMAT, "%s: malformed .npy header: a size expected at \"%s\"",
            c->name, excerpt(text, start, c->end));
    excerpt(text, start, c->at);
    REQUIRE(!negative, GREF_ERR_FORMAT, "%s: size %s in the shape is negative", c->name, text);
    REQUIRE(!overflow, GREF_ERR_FORMAT, "%s: size %s in the shape is above %d", c->name, text,
            INT_MAX);
    take(c, "L");
    *value = v;
    return GREF_OK;
}

static gref_status parse_shape(gref_npy_header *h, cursor *c)
{
    skip_space(c);
    const char *start = c->at;
    bool comma = true;
    int ndim = 0, dim[GREF_NPY_DIMS] = {1, 1, 1};
    TRY(expect(c, "("));
    while (!take(c, ")")) {
        int ignored;
        if (!comma)
            TRY(expect(c, ",")); /* fails */
        TRY(parse_dimension(ndim < GREF_NPY_DIMS ? &dim[ndim] : &ignored, c));
        comma = take(c, ",");
        ndim++;
    }
    excerpt(h->shape, start, c->at);
    REQUIRE(ndim != 1 || comma, GREF_ERR_FORMAT, "%s: malformed .npy header: shape %s is no tuple",
            c->name, h->shape);
    h->ndim = ndim;
    memcpy(h->dim, dim, sizeof dim);
    return GREF_OK;
}

/* What numpy writes and a real matrix cannot hold; NULL for any other kind. */
static const char *refused_kind(char kind)
{
    static const struct {
        char kind;
        const char *text;
    } list[] = {{'c', "complex"},   {'S', "byte string"},  {'a', "byte string"},
                {'U', "string"},    {'M', "date"},         {'m', "time difference"},
                {'V', "raw bytes"}, {'O', "Python object"}};
    for (size_t k = 0; k < sizeof list / sizeof *list; k++)
        if (list[k].kind == kind)
            return list[k].text;
    return NULL;
}

/* Reads "<f8" into order, kind and size. */
static gref_status check_dtype(gref_npy_header *h, const char *name)
{
    static const char *const known[] = {"b1", "i1", "i2", "i4", "i8", "u1",
                                        "u2", "u4", "u8", "f2", "f4", "f8"};
    const char *code = h->dtype + 1; /* the string always has room for it */
    bool ordered = h->dtype[0] != '\0' && strchr("<>|=", h->dtype[0]) != NULL;
    const char *refused = ordered ? refused_kind(code[0]) : NULL;
    bool extended = ordered && (strcmp(code, "f12") == 0 || strcmp(code, "f16") == 0);
    REQUIRE(refused == NULL, GREF_ERR_FORMAT, "%s: dtype '%s' (%s) cannot be read as a real matrix",
            name, h->dtype, refused);
    bool found = extended;
    for (size_t k = 0; ordered && k < sizeof known / sizeof *known; k++)
        found = found || strcmp(code, known[k]) == 0;
    REQUIRE(found, GREF_ERR_FORMAT, "%s: unknown dtype '%s'", name, h->dtype);
    h->order = h->dtype[0];
    h->kind = code[0];
    h->size = atoi(code + 1);
    REQUIRE(!extended || (GREF_NPY_X86 && sizeof(long double) == (size_t)h->size), GREF_ERR_FORMAT,
            "%s: dtype '%s' (long double of another machine) cannot be read", name, h->dtype);
    return GREF_OK;
}

static gref_status parse_dtype(gref_npy_header *h, cursor *c)
{
    char rest[EXCERPT];
    skip_space(c);
    REQUIRE(c->at == c->end || (*c->at != '[' && *c->at != '('), GREF_ERR_FORMAT,
            "%s: dtype %s... (structured) cannot be read as a real matrix", c->name,
            excerpt(rest, c->at, c->end));
    TRY(parse_string(h->dtype, sizeof h->dtype, c));
    return check_dtype(h, c->name);
}

/* The header text: a dict of exactly the three keys, in any order. */
static gref_status parse_header(gref_npy_header *h, cursor *c)
{
    static const char *const keys[] = {"descr", "fortran_order", "shape"};
    bool seen[3] = {0}, comma = true;
    char key[32], rest[EXCERPT];
    TRY(expect(c, "{"));
    while (!take(c, "}")) {
        int k = 0;
        if (!comma)
            TRY(expect(c, ",")); /* fails */
        TRY(parse_string(key, sizeof key, c));
        TRY(expect(c, ":"));
        while (k < 3 && strcmp(key, keys[k]) != 0)
            k++;
        REQUIRE(k < 3, GREF_ERR_FORMAT, "%s: malformed .npy header: unknown key '%s'", c->name,
                key);
        REQUIRE(!seen[k], GREF_ERR_FORMAT, "%s: malformed .npy header: key '%s' twice", c->name,
                key);
        seen[k] = true;
        TRY(k == 0 ? parse_dtype(h, c) : k == 1 ? parse_bool(&h->fortran, c) : parse_shape(h, c));
        comma = take(c, ",");
    }
    skip_space(c);
    REQUIRE(c->at == c->end, GREF_ERR_FORMAT, "%s: malformed .npy header: \"%s\" after its end",
            c->name, excerpt(rest, c->at, c->end));
    for (int k = 0; k < 3; k++)
        REQUIRE(seen[k], GREF_ERR_FORMAT, "%s: malformed .npy header: no key '%s'", c->name,
                keys[k]);
    return GREF_OK;
}

/* Finds the header text, and where the entries begin. */
static gref_status find_header(cursor *c, size_t *data, const unsigned char *bytes, size_t size,
                               const char *name)
{
    char start[EXCERPT];
    const char *text = (const char *)bytes;
    size_t compared = size < MAGIC_SIZE ? size : MAGIC_SIZE;
    REQUIRE(size > 0, GREF_ERR_FORMAT, "%s: is empty, not a .npy file", name);
    REQUIRE(memcmp(bytes, MAGIC, compared) == 0, GREF_ERR_FORMAT,
            "%s: not a .npy file, it begins with \"%s\"", name,
            excerpt(start, text, text + compared));
    REQUIRE(size >= 10, GREF_ERR_FORMAT, "%s: truncated: %zu bytes, the shortest header has 10",
            name, size);
    int major = bytes[6], minor = bytes[7];
    REQUIRE(major >= 1 && major <= 3 && minor == 0, GREF_ERR_FORMAT,
            "%s: .npy format version %d.%d, only 1.0, 2.0 and 3.0 can be read", name, major, minor);
    size_t begin = major == 1 ? 10 : 12;
    size_t length = bytes[8] | (size_t)bytes[9] << 8;
    if (major > 1 && size >= begin)
        length |= (size_t)bytes[10] << 16 | (size_t)bytes[11] << 24;
    REQUIRE(size >= begin && length <= size - begin, GREF_ERR_FORMAT,
            "%s: truncated: the header needs %zu bytes, the file has %zu", name, begin + length,
            size);
    *c = (cursor){text + begin, text + begin + length, name};
    *data = begin + length;
    return GREF_OK;
}

gref_status gref_npy_read_header(gref_npy_header *h, size_t *data, const unsigned char *bytes,
                                 size_t size, const char *name)
{
    cursor c;
    TRY(find_header(&c, data, bytes, size, name));
    return parse_header(h, &c);
}

/* 128 bytes whatever the shape: the longest dict ends at byte 88. */
void gref_npy_write_header(char text[GREF_NPY_WRITTEN], gref_cmat A, int ndim)
{
    char shape[32] = "()";
    if (ndim == 1)
        snprintf(shape, sizeof shape, "(%d,)", A.m);
    else if (ndim == 2)
        snprintf(shape, sizeof shape, "(%d, %d)", A.m, A.n);
    memset(text, ' ', GREF_NPY_WRITTEN);
    memcpy(text, MAGIC "\x01\x00", MAGIC_SIZE + 2);
    text[8] = GREF_NPY_WRITTEN - 10;
    text[9] = 0;
    int end = 10 + snprintf(text + 10, GREF_NPY_WRITTEN - 10,
                            "{'descr': '<f8', 'fortran_order': False, 'shape': %s, }", shape);
    text[end] = ' '; /* snprintf's NUL */
    text[GREF_NPY_WRITTEN - 1] = '\n';
}
