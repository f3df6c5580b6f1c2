/* Error handling and allocation shared by every module; not installed. */
#ifndef GREF_BASE_INTERNAL_H
#define GREF_BASE_INTERNAL_H

#include <stddef.h>
#include <stdint.h>

#include <gref/matrix.h>

/*
 * One exit. A function that can fail declares `gref_status status = GREF_OK;`, sets every resource
 * to {0} at its top, and ends with `out:` where all of them are freed and `status` is returned.
 */
#define FAIL(code, ...)                                                                          \
    do {                                                                                         \
        status = gref_fail((code), __FILE__, __LINE__, __func__, 0, __VA_ARGS__);                \
        goto out;                                                                                \
    } while (0)
#define REQUIRE(cond, code, ...)                                                                 \
    do {                                                                                         \
        if (!(cond))                                                                             \
            FAIL(code, __VA_ARGS__);                                                             \
    } while (0)
#define TRY(call)                                                                                \
    do {                                                                                         \
        status = (call);                                                                         \
        if (status != GREF_OK)                                                                   \
            goto out;                                                                            \
    } while (0)

gref_status gref_fail(gref_status status, const char *file, int line, const char *function, int info,
                      const char *fmt, ...) GREF_PRINTF(6, 7);

/* Puts "prefix: " before the message of the current error; returns `status` unchanged. */
gref_status gref_fail_context(gref_status status, const char *fmt, ...) GREF_PRINTF(2, 3);

/* count * size zeroed bytes, or NULL (also on overflow); freed with free(). */
void *gref_alloc(size_t count, size_t size);
char *gref_strdup(const char *s);
/* printf into a fresh string, or NULL. */
char *gref_format(const char *fmt, ...) GREF_PRINTF(1, 2);

/* SHA-256 of what was added between begin and end; hex is 64 digits and a NUL. */
typedef struct {
    uint32_t h[8];
    uint64_t length; /* bytes so far */
    unsigned char block[64];
} gref_sha256;
void gref_sha256_begin(gref_sha256 *c);
void gref_sha256_add(gref_sha256 *c, const void *bytes, size_t size);
void gref_sha256_end(char hex[65], gref_sha256 *c);

/* Fails with the name and the place of the first NaN or infinity. */
gref_status gref_require_finite(gref_cmat A, const char *name);
/* Fails unless A is m x n. */
gref_status gref_require_shape(gref_cmat A, int m, int n, const char *name);

#endif
