/*
 * Writing a .npz. Arrays wait as .npy files in a private folder beside the target; libzip packs
 * them there at the end, stored, and one rename shows the archive.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zip.h>

#include <gref/npy.h>

#include "internal.h"

struct gref_npz_writer {
    char *target; /* where the archive will appear */
    char *folder; /* holds "0.npy", "1.npy", ... and at the end "archive" */
    char *path;   /* room for the path of one of them: removing them must not need memory */
    zip_t *zip;   /* the archive to be: libzip writes nothing before zip_close */
    int count;
    bool deflate; /* members that follow are compressed */
};

enum { LONGEST = 16 }; /* name in the folder: "2147483647.npy" */

/* w->path = the path of a file of the folder. */
static const char *spool_path(gref_npz_writer *w, int k)
{
    snprintf(w->path, strlen(w->folder) + LONGEST, "%s/%d.npy", w->folder, k);
    return w->path;
}

static const char *archive_path(gref_npz_writer *w)
{
    snprintf(w->path, strlen(w->folder) + LONGEST, "%s/archive", w->folder);
    return w->path;
}

/* What libzip's failure to write means; when memory runs out it may say nothing at all. */
static gref_status zip_write_status(zip_t *zip)
{
    switch (zip_error_code_zip(zip_get_error(zip))) {
    case ZIP_ER_OK:
    case ZIP_ER_MEMORY:
        return GREF_ERR_NOMEM;
    case ZIP_ER_EXISTS:
    case ZIP_ER_INVAL:
        return GREF_ERR_RANGE; /* of a name: taken, no UTF-8 */
    default:
        return GREF_ERR_IO;
    }
}

/**
 * Begins a .npz file, for numpy.load: float64 arrays in C order, stored without compression.
 *
 * Arrays are kept on disk, in a folder ".gref-XXXXXX" beside `path`, which is removed by
 * gref_npz_finish and gref_npz_abandon. One writer belongs to one thread at a time.
 *
 * @param[out] w     for gref_npz_finish or gref_npz_abandon. Unchanged on error.
 * @param[in]  path  not a directory, device or pipe; what stands there is replaced at the end.
 * @return GREF_OK; GREF_ERR_IO; GREF_ERR_NOMEM.
 * @see    numpy.savez. Tests: test_npz.c
 */
gref_status gref_npz_create(gref_npz_writer **w, const char *path)
{
    gref_status status = GREF_OK;
    char *folder = NULL;
    int code = 0;
    gref_npz_writer *made = gref_alloc(1, sizeof *made);
    REQUIRE_OUT(made != NULL, GREF_ERR_NOMEM, "%s: no memory to write it", path);
    TRY_OUT(gref_output_target(&made->target, path));
    folder = gref_format("%.*s.gref-XXXXXX", gref_folder_length(made->target), made->target);
    REQUIRE_OUT(folder != NULL, GREF_ERR_NOMEM, "%s: no memory to write it", path);
    made->path = gref_alloc(strlen(folder) + LONGEST + 1, 1);
    REQUIRE_OUT(made->path != NULL, GREF_ERR_NOMEM, "%s: no memory to write it", path);
    REQUIRE_OUT(mkdtemp(folder) != NULL, GREF_ERR_IO, "%s: cannot be written: %s", path,
                strerror(errno));
    made->folder = folder;
    folder = NULL;
    made->zip = zip_open(archive_path(made), ZIP_CREATE | ZIP_EXCL, &code);
    REQUIRE_OUT(made->zip != NULL, code == ZIP_ER_MEMORY ? GREF_ERR_NOMEM : GREF_ERR_IO,
                "%s: cannot be written: libzip error %d", path, code);
    *w = made;
    made = NULL;
out:
    free(folder);
    gref_npz_abandon(made);
    return status;
}

/*
 * One date and one set of permissions for all, so that the same arrays give the same bytes; noon,
 * since libzip goes through local time, in which no noon is skipped.
 */
static int set_attributes(const gref_npz_writer *w, zip_uint64_t index)
{
    zip_t *zip = w->zip;
    const zip_uint16_t noon = 12 << 11, first_of_1980 = 1 << 5 | 1;
    const zip_uint32_t mode = (zip_uint32_t)(S_IFREG | 0644) << 16;
    if (zip_set_file_compression(zip, index, w->deflate ? ZIP_CM_DEFLATE : ZIP_CM_STORE,
                                 w->deflate ? 9 : 0) != 0 ||
        zip_file_set_dostime(zip, index, noon, first_of_1980, 0) != 0)
        return -1;
    return zip_file_set_external_attributes(zip, index, 0, ZIP_OPSYS_UNIX, mode);
}

/* Registers a spooled file as a member. */
static gref_status add_member(gref_npz_writer *w, const char *member, const char *spool)
{
    gref_status status = GREF_OK;
    zip_source_t *source = NULL;
    zip_int64_t index = -1;
    source = zip_source_file(w->zip, spool, 0, -1);
    REQUIRE_OUT(source != NULL, zip_write_status(w->zip), "%s: member '%s': %s", w->target, member,
                zip_strerror(w->zip));
    index = zip_file_add(w->zip, member, source, ZIP_FL_ENC_UTF_8);
    REQUIRE_OUT(index >= 0, zip_write_status(w->zip), "%s: no member can be named '%s': %s",
                w->target, member, zip_strerror(w->zip));
    source = NULL; /* the archive's */
    REQUIRE_OUT(set_attributes(w, (zip_uint64_t)index) == 0, zip_write_status(w->zip),
                "%s: member '%s': %s", w->target, member, zip_strerror(w->zip));
    index = -1;
    w->count++;
out:
    if (source != NULL)
        zip_source_free(source);
    if (index >= 0)
        zip_delete(w->zip, (zip_uint64_t)index);
    return status;
}

/**
 * Adds one array. It is on disk when this returns: A may change or go.
 *
 * @param[in] w     as it was on error: other arrays may follow.
 * @param[in] name  UTF-8, without ".npy", new; '/' makes a group ("target/mean/800").
 * @param[in] A     m x n, any leading dimension; NaN and infinity are written as they are.
 * @param[in] ndim  0 (A is 1 x 1), 1 (A is m x 1) or 2, as in gref_npy_write.
 * @return GREF_OK; GREF_ERR_RANGE (ndim, or a name that is empty, taken, too long or no UTF-8);
 *         GREF_ERR_SHAPE; GREF_ERR_IO; GREF_ERR_NOMEM.
 * @error  exact.
 * @see    Tests: test_npz.c
 */
gref_status gref_npz_add(gref_npz_writer *w, const char *name, gref_cmat A, int ndim)
{
    gref_status status = GREF_OK;
    SCOPED_MEM char *member = NULL;
    REQUIRE(name[0] != '\0' && strlen(name) <= GREF_NPZ_NAME, GREF_ERR_RANGE,
            "%s: the name of an array has %zu bytes, not 1 to %d", w->target, strlen(name),
            GREF_NPZ_NAME);
    member = gref_format("%s.npy", name);
    REQUIRE(member != NULL, GREF_ERR_NOMEM, "%s: no memory to add '%s'", w->target, name);
    const char *spool = spool_path(w, w->count);
    status = gref_npy_write(spool, A, ndim);
    if (status != GREF_OK)
        gref_fail_context(status, "%s: array '%s'", w->target, name);
    TRY(status);
    status = add_member(w, member, spool);
    if (status != GREF_OK)
        unlink(spool);
    return status;
}

gref_status gref_npz_add_bytes(gref_npz_writer *w, const char *member, const void *bytes,
                               size_t size)
{
    gref_status status = GREF_OK;
    gref_output o = {0};
    const char *spool = spool_path(w, w->count);
    TRY_OUT(gref_output_open(&o, spool));
    fwrite(bytes, 1, size, o.fp); /* commit tells of errors */
    TRY_OUT(gref_output_commit(&o));
    status = add_member(w, member, spool_path(w, w->count));
    if (status != GREF_OK)
        unlink(spool_path(w, w->count));
out:
    gref_output_discard(&o);
    return status;
}

void gref_npz_deflate(gref_npz_writer *w)
{
    w->deflate = true;
}

/* What libzip refuses to write: an archive without members is its end record alone. */
static gref_status write_empty(const char *path)
{
    static const char end[22] = "PK\x05\x06";
    gref_status status = GREF_OK;
    gref_output o = {0};
    TRY_OUT(gref_output_open(&o, path));
    fwrite(end, 1, sizeof end, o.fp);
    TRY_OUT(gref_output_commit(&o));
out:
    gref_output_discard(&o);
    return status;
}

/**
 * Writes the archive and shows it under its name. Frees w, also on error; then the target is as it
 * was, and nothing else is left.
 *
 * The same arrays in the same order give the same bytes.
 *
 * @return GREF_OK; GREF_ERR_IO; GREF_ERR_NOMEM.
 * @cost   the arrays once more on disk, until it returns.
 * @see    Tests: test_npz.c
 */
gref_status gref_npz_finish(gref_npz_writer *w)
{
    gref_status status = GREF_OK;
    const char *archive = archive_path(w);
    if (w->count == 0) {
        TRY_OUT(write_empty(archive));
    } else {
        int failed = zip_close(w->zip);
        REQUIRE_OUT(failed == 0, zip_write_status(w->zip), "%s: cannot be written: %s", w->target,
                    zip_strerror(w->zip));
        w->zip = NULL;
    }
    REQUIRE_OUT(rename(archive, w->target) == 0, GREF_ERR_IO, "%s: cannot be written: %s",
                w->target, strerror(errno));
out:
    gref_npz_abandon(w);
    return status;
}

static void remove_folder(gref_npz_writer *w)
{
    for (int k = 0; k < w->count; k++)
        unlink(spool_path(w, k));
    unlink(archive_path(w));
    rmdir(w->folder);
}

/** Ends a .npz file without writing it: removes what was kept and frees w. Accepts NULL. */
void gref_npz_abandon(gref_npz_writer *w)
{
    if (w == NULL)
        return;
    if (w->zip != NULL)
        zip_discard(w->zip);
    if (w->folder != NULL)
        remove_folder(w);
    free(w->folder);
    free(w->path);
    free(w->target);
    free(w);
}
