/* Error handling and allocation shared by every module; not installed. */
#ifndef GREF_BASE_INTERNAL_H
#define GREF_BASE_INTERNAL_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <gref/matrix.h>

/*
 * Resources are bound to the scope of the variable that holds them: whichever way a function is
 * left, they are freed. Such a variable is set to {0} or NULL where it is declared. TAKE moves the
 * resource on, to an output that outlives the scope.
 *
 *     SCOPED(gref_mat) L = {0}, R = {0};          freed by gref_mat_free(&L)
 *     SCOPED_PTR(gref_sampler) *s = NULL;         freed by gref_sampler_free(s); needs DEFINE_DROP(gref_sampler)
 *     SCOPED_MEM double *values = NULL;           freed by free(values)
 *     *out = TAKE(L);                             L is {0} again
 *
 * A function that can fail returns gref_status. TRY, REQUIRE and FAIL leave the function at once.
 */
#define SCOPED(type) __attribute__((cleanup(type##_free))) type
#define SCOPED_PTR(type) __attribute__((cleanup(type##_drop))) type
#define SCOPED_MEM __attribute__((cleanup(gref_memory_drop)))
#define SCOPED_FILE __attribute__((cleanup(gref_stream_drop))) FILE
#define DEFINE_DROP(type) DEFINE_DROP_BY(type, type##_free)
#define DEFINE_DROP_BY(type, release)                                                              \
    static inline void type##_drop(type **p)                                                       \
    {                                                                                              \
        release(*p);                                                                               \
    }
#define TAKE(variable)                                                                             \
    __extension__({                                                                                \
        __typeof__(variable) taken_ = (variable);                                                  \
        (variable) = (__typeof__(variable)){0};                                                    \
        taken_;                                                                                    \
    })

static inline void gref_memory_drop(void *p)
{
    void *memory;
    memcpy(&memory, p, sizeof memory);
    free(memory);
}

static inline void gref_stream_drop(FILE **p)
{
    if (*p != NULL)
        fclose(*p);
}

#define FAIL(code, ...) return gref_fail((code), __FILE__, __LINE__, __func__, 0, __VA_ARGS__)
#define REQUIRE(cond, code, ...)                                                                   \
    do {                                                                                           \
        if (!(cond))                                                                               \
            FAIL(code, __VA_ARGS__);                                                               \
    } while (0)
#define TRY(call)                                                                                  \
    do {                                                                                           \
        gref_status status_ = (call);                                                              \
        if (status_ != GREF_OK)                                                                    \
            return status_;                                                                        \
    } while (0)

/* TRY that puts what was being done before the message: TRY_IN(call, "%s", path). */
#define TRY_IN(call, ...)                                                                          \
    do {                                                                                           \
        gref_status status_ = (call);                                                              \
        if (status_ != GREF_OK)                                                                    \
            return gref_fail_context(status_, __VA_ARGS__);                                        \
    } while (0)

gref_status gref_fail(gref_status status, const char *file, int line, const char *function,
                      int info, const char *fmt, ...) GREF_PRINTF(6, 7);

/* Puts "prefix: " before the message of the current error; returns `status` unchanged. */
gref_status gref_fail_context(gref_status status, const char *fmt, ...) GREF_PRINTF(2, 3);

/* count * size zeroed bytes, or NULL (also on overflow); freed with free(). */
void *gref_alloc(size_t count, size_t size);
char *gref_strdup(const char *s);
/* printf into a fresh string, or NULL. */
char *gref_format(const char *fmt, ...) GREF_PRINTF(1, 2);
/* What `write` writes of `what`, in a fresh string, or NULL. */
char *gref_text(void (*write)(FILE *f, const void *what), const void *what);

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
