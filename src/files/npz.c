/*
 * NumPy's .npz: a zip archive with one .npy file for each array, "target/mean/800" as
 * "target/mean/800.npy".
 */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zip.h>

#include <gref/npy.h>

#include "internal.h"

#define SUFFIX ".npy"
enum { Z_MEM_ERROR = -4 }; /* zlib.h's */

struct gref_npz_reader {
    char *path;
    zip_t *zip;
    char **names; /* without ".npy", in the order of the archive */
    int count;
};

/* For SCOPED. */
typedef zip_error_t zip_error;
static void zip_error_free(zip_error *error)
{
    zip_error_fini(error);
}

/* What a failure of libzip means, when it comes from reading. */
static gref_status zip_status(const zip_error_t *error)
{
    switch (zip_error_code_zip(error)) {
    case ZIP_ER_MEMORY:
        return GREF_ERR_NOMEM;
    case ZIP_ER_ZLIB:
        return zip_error_code_system(error) == Z_MEM_ERROR ? GREF_ERR_NOMEM : GREF_ERR_FORMAT;
    case ZIP_ER_SEEK:
    case ZIP_ER_READ:
    case ZIP_ER_OPEN:
    case ZIP_ER_TELL:
        return GREF_ERR_IO;
    default:
        return GREF_ERR_FORMAT;
    }
}

/* r->zip = the archive of an open file, which the archive closes; `fp` is closed on error too. */
static gref_status open_archive(gref_npz_reader *r, FILE *fp)
{
    SCOPED(zip_error) error;
    zip_error_init(&error);
    zip_source_t *source = zip_source_filep_create(fp, 0, -1, &error);
    if (source == NULL)
        fclose(fp);
    else
        r->zip = zip_open_from_source(source, ZIP_RDONLY, &error);
    if (source != NULL && r->zip == NULL)
        zip_source_free(source);
    REQUIRE(r->zip != NULL, zip_status(&error), "%s: %s", r->path, zip_error_strerror(&error));
    return GREF_OK;
}

/* r->names; two members that would have one name, or the same name twice, are refused. */
static gref_status list_members(gref_npz_reader *r)
{
    zip_int64_t count = zip_get_num_entries(r->zip, 0);
    REQUIRE(count >= 0 && count <= INT_MAX, GREF_ERR_FORMAT, "%s: %lld members", r->path,
            (long long)count);
    r->names = gref_alloc((size_t)count, sizeof *r->names);
    REQUIRE(r->names != NULL, GREF_ERR_NOMEM, "%s: no memory for %d names", r->path, (int)count);
    for (; r->count < (int)count; r->count++) {
        const char *member = zip_get_name(r->zip, (zip_uint64_t)r->count, 0);
        REQUIRE(member != NULL, GREF_ERR_FORMAT, "%s: member %d: %s", r->path, r->count,
                zip_strerror(r->zip));
        char *name = gref_strdup(member);
        REQUIRE(name != NULL, GREF_ERR_NOMEM, "%s: no memory for %d names", r->path, (int)count);
        r->names[r->count] = name;
        bool twice = zip_name_locate(r->zip, member, 0) != r->count;
        size_t length = strlen(name), suffix = strlen(SUFFIX);
        if (length > suffix && strcmp(name + length - suffix, SUFFIX) == 0) {
            name[length - suffix] = '\0';
            twice = twice || zip_name_locate(r->zip, name, 0) >= 0;
        }
        if (twice) {
            r->count++; /* so that the name is freed */
            FAIL(GREF_ERR_FORMAT, "%s: two members named '%s'", r->path, name);
        }
    }
    return GREF_OK;
}

/**
 * Opens a .npz file, stored or deflated, and lists its arrays. No array is read yet.
 *
 * Every member counts, a name ending in ".npy" without it. A name that occurs twice is refused. One
 * reader belongs to one thread at a time.
 *
 * @param[out] r     for gref_npz_close. Unchanged on error.
 * @param[in]  path  a regular file: it is sought in.
 * @return GREF_OK; GREF_ERR_IO; GREF_ERR_FORMAT (no zip archive, truncated); GREF_ERR_NOMEM.
 * @see    numpy.savez. Tests: test_npz.c
 */
gref_status gref_npz_open(gref_npz_reader **r, const char *path)
{
    struct stat st;
    SCOPED_FILE *fp = NULL;
    SCOPED_PTR(gref_npz_reader) *opened = gref_alloc(1, sizeof *opened);
    REQUIRE(opened != NULL, GREF_ERR_NOMEM, "%s: no memory to open it", path);
    opened->path = gref_strdup(path);
    REQUIRE(opened->path != NULL, GREF_ERR_NOMEM, "%s: no memory to open it", path);
    fp = fopen(path, "rb");
    REQUIRE(fp != NULL && fstat(fileno(fp), &st) == 0, GREF_ERR_IO, "%s: %s", path,
            strerror(errno));
    REQUIRE(!S_ISDIR(st.st_mode), GREF_ERR_IO, "%s: %s", path, strerror(EISDIR));
    /* libzip takes an empty file for an archive without members. */
    REQUIRE(S_ISREG(st.st_mode), GREF_ERR_IO, "%s: not a regular .npz file", path);
    REQUIRE(st.st_size > 0, GREF_ERR_FORMAT, "%s: is empty, not a .npz file", path);
    TRY(open_archive(opened, TAKE(fp)));
    TRY(list_members(opened));
    *r = TAKE(opened);
    return GREF_OK;
}

/** Number of arrays. */
int gref_npz_count(const gref_npz_reader *r)
{
    return r->count;
}

/** Name of array k, 0 <= k < count, in the order of the archive; lives as long as the reader. */
const char *gref_npz_name(const gref_npz_reader *r, int k)
{
    return r->names[k];
}

static int find_name(const gref_npz_reader *r, const char *name)
{
    int k = 0;
    while (k < r->count && strcmp(r->names[k], name) != 0)
        k++;
    return k < r->count ? k : -1;
}

/** True if there is an array of that name. */
bool gref_npz_has(const gref_npz_reader *r, const char *name)
{
    return find_name(r, name) >= 0;
}

/* "a, b, c", or as many as fit and how many there are besides. */
static void list_names(char *text, size_t size, const gref_npz_reader *r)
{
    enum { TAIL = 24 };
    size_t used = 0;
    text[0] = '\0';
    for (int k = 0; k < r->count; k++) {
        if (used + strlen(r->names[k]) + 2 + TAIL > size) {
            snprintf(text + used, size - used, "%s%d more", k > 0 ? ", and " : "", r->count - k);
            return;
        }
        used += (size_t)snprintf(text + used, size - used, "%s%s", k > 0 ? ", " : "", r->names[k]);
    }
}

static void close_member(zip_file_t **file)
{
    if (*file != NULL)
        zip_fclose(*file);
}

/*
 * The bytes of member k. Room grows with what arrives: the size an archive claims may be anything.
 * One byte more is asked for, since libzip checks the CRC when it meets the end.
 */
static gref_status read_member(unsigned char **bytes, size_t *size, const gref_npz_reader *r, int k)
{
    zip_stat_t st;
    SCOPED_MEM unsigned char *buffer = NULL;
    zip_int64_t got = 1;
    size_t used = 0, room = 0;
    REQUIRE(zip_stat_index(r->zip, (zip_uint64_t)k, 0, &st) == 0 && (st.valid & ZIP_STAT_SIZE) != 0,
            GREF_ERR_FORMAT, "size unknown: %s", zip_strerror(r->zip));
    __attribute__((cleanup(close_member))) zip_file_t *file =
        zip_fopen_index(r->zip, (zip_uint64_t)k, 0);
    REQUIRE(file != NULL, zip_status(zip_get_error(r->zip)), "%s", zip_strerror(r->zip));
    while (got > 0 && used <= st.size) {
        if (used == room) {
            room = room == 0 ? 1 << 16 : 2 * room;
            room = room > st.size ? (size_t)st.size + 1 : room;
            unsigned char *grown = realloc(buffer, room);
            REQUIRE(grown != NULL, GREF_ERR_NOMEM, "no memory for its %llu bytes",
                    (unsigned long long)st.size);
            buffer = grown;
        }
        got = zip_fread(file, buffer + used, room - used);
        used += got > 0 ? (size_t)got : 0;
    }
    REQUIRE(got >= 0, zip_status(zip_file_get_error(file)), "%s", zip_file_strerror(file));
    REQUIRE(used == st.size, GREF_ERR_FORMAT, "%s bytes than the %llu of its size",
            used < st.size ? "fewer" : "more", (unsigned long long)st.size);
    *bytes = TAKE(buffer);
    *size = used;
    return GREF_OK;
}

gref_status gref_npz_bytes(unsigned char **bytes, size_t *size, gref_npz_reader *r,
                           const char *name)
{
    char names[600];
    int k = find_name(r, name);
    if (k < 0) {
        list_names(names, sizeof names, r);
        FAIL(GREF_ERR_FORMAT, "%s: has no array '%s', only %d: %s", r->path, name, r->count, names);
    }
    TRY_IN(read_member(bytes, size, r, k), "%s[%s]", r->path, name);
    return GREF_OK;
}

/* The bytes of an array, and what messages call it: "laws.npz[mean]". */
typedef struct {
    unsigned char *bytes;
    size_t size;
    char *label;
} member;

static void member_free(member *m)
{
    free(m->bytes);
    free(m->label);
}

static gref_status read_array(member *m, gref_npz_reader *r, const char *name)
{
    TRY(gref_npz_bytes(&m->bytes, &m->size, r, name));
    m->label = gref_format("%s[%s]", r->path, name);
    REQUIRE(m->label != NULL, GREF_ERR_NOMEM, "%s: no memory to read '%s'", r->path, name);
    return GREF_OK;
}

/**
 * Reads one array, as gref_npy_read reads a file.
 *
 * @param[out] A     allocated, for gref_mat_free. Unchanged on error.
 * @param[out] ndim  the array's own dimension, 0 to 2; may be NULL. Unchanged on error.
 * @param[in]  r     stays usable on error.
 * @param[in]  name  without ".npy"; the message for an unknown name lists those there are.
 * @return GREF_OK; GREF_ERR_FORMAT (no such name, a checksum that does not fit, what gref_npy_read
 *         refuses); GREF_ERR_IO; GREF_ERR_NOMEM.
 * @error  as gref_npy_read.
 * @cost   the inflated member in memory, besides A.
 * @see    Tests: test_npz.c
 */
gref_status gref_npz_get(gref_mat *A, int *ndim, gref_npz_reader *r, const char *name)
{
    SCOPED(member) m = {0};
    TRY(read_array(&m, r, name));
    return gref_npy_parse(A, ndim, m.bytes, m.size, m.label);
}

gref_status gref_npz_get_rounded(gref_mat *A, double *u, gref_npz_reader *r, const char *name)
{
    SCOPED(member) m = {0};
    TRY(read_array(&m, r, name));
    return gref_npy_parse_rounded(A, NULL, u, m.bytes, m.size, m.label);
}

gref_status gref_npz_get_pages(gref_pages *p, gref_npz_reader *r, const char *name)
{
    SCOPED(member) m = {0};
    TRY(read_array(&m, r, name));
    return gref_npy_parse_pages(p, m.bytes, m.size, m.label);
}

/** Closes the file and frees r; names handed out are gone. Accepts NULL. */
void gref_npz_close(gref_npz_reader *r)
{
    if (r == NULL)
        return;
    if (r->zip != NULL)
        zip_discard(r->zip);
    for (int k = 0; k < r->count; k++)
        free(r->names[k]);
    free(r->names);
    free(r->path);
    free(r);
}
