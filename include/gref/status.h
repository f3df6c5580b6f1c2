/* Status codes, the thread-local error record, and the export macro. */
#ifndef GREF_STATUS_H
#define GREF_STATUS_H

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define GREF_API __attribute__((visibility("default")))
#define GREF_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#define GREF_NODISCARD __attribute__((warn_unused_result))
#else
#define GREF_API
#define GREF_PRINTF(fmt, args)
#define GREF_NODISCARD
#endif

/* One list, so that the enumeration and the texts cannot drift apart. */
#define GREF_STATUS_LIST(X)                                                                        \
    X(GREF_OK, "ok")                                                                               \
    X(GREF_ERR_SHAPE, "shapes do not fit")                                                         \
    X(GREF_ERR_RANGE, "argument out of range")                                                     \
    X(GREF_ERR_NONFINITE, "NaN or infinity")                                                       \
    X(GREF_ERR_NOT_SYMMETRIC, "matrix is not symmetric")                                           \
    X(GREF_ERR_NOT_PSD, "matrix is not positive semi-definite")                                    \
    X(GREF_ERR_NOT_PD, "matrix is not positive definite")                                          \
    X(GREF_ERR_NUMERICS, "numerics cannot be trusted")                                             \
    X(GREF_ERR_NOMEM, "out of memory")                                                             \
    X(GREF_ERR_IO, "file cannot be read or written")                                               \
    X(GREF_ERR_FORMAT, "file content is not what it should be")                                    \
    X(GREF_ERR_CASE, "case is not valid")                                                          \
    X(GREF_ERR_EXISTS, "file exists")                                                              \
    X(GREF_ERR_CANCELLED, "cancelled")

typedef enum {
#define GREF_STATUS_ENUM(name, text) name,
    GREF_STATUS_LIST(GREF_STATUS_ENUM)
#undef GREF_STATUS_ENUM
} gref_status;

/* What the last failing call of this thread had to say. */
typedef struct {
    gref_status status;
    const char *file;     /* source file that failed */
    int line;             /* and its line */
    const char *function; /* and its function */
    int info;             /* LAPACK's info where it applies, else 0 */
    char message[1024];   /* one line, with the offending values */
} gref_error;

GREF_API const char *gref_status_text(gref_status status);
GREF_API const gref_error *gref_last_error(void);

#ifdef __cplusplus
}
#endif
#endif
