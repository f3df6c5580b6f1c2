/* Named arrays: those of a .npz, of a folder of .npy with subfolders, or one .npy alone. */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/internal.h"
#include "files/internal.h"
#include "internal.h"

void gref_arrays_free(gref_arrays *arrays)
{
    for (int k = 0; k < arrays->n; k++) {
        free(arrays->item[k].name);
        gref_mat_free(&arrays->item[k].A);
    }
    free(arrays->item);
    *arrays = (gref_arrays){0};
}

/** The array of that name, or NULL. */
const gref_array *gref_arrays_find(const gref_arrays *arrays, const char *name)
{
    for (int k = 0; k < arrays->n; k++)
        if (strcmp(arrays->item[k].name, name) == 0)
            return &arrays->item[k];
    return NULL;
}

/* Appends; takes A over, also on error. */
static gref_status append(gref_arrays *arrays, const char *name, gref_mat A, int ndim, bool single)
{
    gref_status status = GREF_OK;
    char *copy = gref_strdup(name);
    REQUIRE_OUT(copy != NULL, GREF_ERR_NOMEM, "no memory for '%s'", name);
    REQUIRE_OUT(gref_arrays_find(arrays, name) == NULL, GREF_ERR_FORMAT,
                "two arrays are called '%s'", name);
    gref_array *grown = realloc(arrays->item, ((size_t)arrays->n + 1) * sizeof *grown);
    REQUIRE_OUT(grown != NULL, GREF_ERR_NOMEM, "no memory for '%s'", name);
    arrays->item = grown;
    arrays->item[arrays->n++] = (gref_array){copy, A, ndim, single};
    return GREF_OK;
out:
    free(copy);
    gref_mat_free(&A);
    return status;
}

gref_status gref_arrays_add(gref_arrays *arrays, const char *name, gref_cmat A, int ndim)
{
    gref_mat copy = {0};
    TRY(gref_mat_new(&copy, A.m, A.n));
    gref_mat_copy(copy, A);
    return append(arrays, name, copy, ndim, false);
}

/* Appends the array in the bytes of a .npy file; `where` stands for the file in messages. */
static gref_status append_bytes(gref_arrays *arrays, const char *name, const unsigned char *bytes,
                                size_t size, const char *where)
{
    gref_npy_header h = {0};
    size_t data;
    gref_mat A = {0};
    int ndim;
    TRY(gref_npy_read_header(&h, &data, bytes, size, where));
    TRY(gref_npy_parse(&A, &ndim, bytes, size, where));
    return append(arrays, name, A, ndim, h.kind == 'f' && h.size < 8);
}

static bool ends_in(const char *name, const char *suffix)
{
    size_t length = strlen(name), tail = strlen(suffix);
    return length > tail && strcmp(name + length - tail, suffix) == 0;
}

static gref_status read_npz(gref_arrays *arrays, const char *path)
{
    gref_status status = GREF_OK;
    gref_npz_reader *r = NULL;
    unsigned char *bytes = NULL;
    char *where = NULL;
    size_t size;
    TRY_OUT(gref_npz_open(&r, path));
    for (int k = 0; k < gref_npz_count(r); k++) {
        const char *name = gref_npz_name(r, k);
        if (ends_in(name, ".json"))
            continue;
        TRY_OUT(gref_npz_bytes(&bytes, &size, r, name));
        where = gref_format("%s[%s]", path, name);
        REQUIRE_OUT(where != NULL, GREF_ERR_NOMEM, "%s: no memory to read '%s'", path, name);
        TRY_OUT(append_bytes(arrays, name, bytes, size, where));
        free(bytes);
        free(where);
        bytes = NULL;
        where = NULL;
    }
out:
    free(bytes);
    free(where);
    gref_npz_close(r);
    return status;
}

/* The bytes of a file. */
gref_status gref_read_file(unsigned char **bytes, size_t *size, const char *path)
{
    gref_status status = GREF_OK;
    unsigned char *buffer = NULL;
    struct stat st;
    FILE *fp = fopen(path, "rb");
    REQUIRE_OUT(fp != NULL && fstat(fileno(fp), &st) == 0, GREF_ERR_IO, "%s: %s", path,
                strerror(errno));
    buffer = gref_alloc((size_t)st.st_size + 1, 1);
    REQUIRE_OUT(buffer != NULL, GREF_ERR_NOMEM, "%s: no memory for its %lld bytes", path,
                (long long)st.st_size);
    REQUIRE_OUT(fread(buffer, 1, (size_t)st.st_size, fp) == (size_t)st.st_size, GREF_ERR_IO,
                "%s: cannot be read", path);
    *bytes = buffer;
    *size = (size_t)st.st_size;
    buffer = NULL;
out:
    if (fp != NULL)
        fclose(fp);
    free(buffer);
    return status;
}

static gref_status read_one(gref_arrays *arrays, const char *path, const char *name)
{
    SCOPED_MEM unsigned char *bytes = NULL;
    size_t size;
    TRY(gref_read_file(&bytes, &size, path));
    return append_bytes(arrays, name, bytes, size, path);
}

/* Every .npy below `top`, called by its path there; `below` is "" or "a/b/". */
static gref_status read_folder(gref_arrays *arrays, const char *top, const char *below)
{
    gref_status status = GREF_OK;
    char *path = gref_format("%s/%s", top, below), *name = NULL, *file = NULL;
    DIR *dir = NULL;
    REQUIRE_OUT(path != NULL, GREF_ERR_NOMEM, "%s: no memory to list it", top);
    dir = opendir(path);
    REQUIRE_OUT(dir != NULL, GREF_ERR_IO, "%s: %s", path, strerror(errno));
    for (struct dirent *e = readdir(dir); e != NULL; e = readdir(dir)) {
        struct stat st;
        if (e->d_name[0] == '.')
            continue;
        free(name);
        free(file);
        name = gref_format("%s%s", below, e->d_name);
        file = gref_format("%s/%s%s", top, below, e->d_name);
        REQUIRE_OUT(name != NULL && file != NULL, GREF_ERR_NOMEM, "%s: no memory to list it", top);
        if (stat(file, &st) == 0 && S_ISDIR(st.st_mode)) {
            char *deeper = gref_format("%s/", name);
            REQUIRE_OUT(deeper != NULL, GREF_ERR_NOMEM, "%s: no memory to list it", top);
            status = read_folder(arrays, top, deeper);
            free(deeper);
            TRY_OUT(status);
        } else if (ends_in(name, ".npy")) {
            name[strlen(name) - strlen(".npy")] = '\0';
            TRY_OUT(read_one(arrays, file, name));
        }
    }
out:
    if (dir != NULL)
        closedir(dir);
    free(path);
    free(name);
    free(file);
    return status;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const gref_array *)a)->name, ((const gref_array *)b)->name);
}

/**
 * Reads named arrays.
 *
 * @param[out] arrays  for gref_arrays_free; in the order of the archive, or of the names in a folder.
 *                     Unchanged on error.
 * @param[in]  path    a .npz, stored or deflated; a folder; or, if `as` is given, one .npy.
 * @param[in]  as      name of the only array, or NULL.
 * @return GREF_OK; GREF_ERR_IO; GREF_ERR_FORMAT (also: nothing in it); GREF_ERR_NOMEM.
 * @see    Tests: test_check.c
 */
gref_status gref_arrays_read(gref_arrays *arrays, const char *path, const char *as)
{
    SCOPED(gref_arrays) made = {0};
    struct stat st;
    REQUIRE(stat(path, &st) == 0, GREF_ERR_IO, "%s: %s", path, strerror(errno));
    bool npy = !S_ISDIR(st.st_mode) && ends_in(path, ".npy");
    REQUIRE(!npy || as != NULL, GREF_ERR_FORMAT, "%s: one .npy has no name: give it by --as NAME",
            path);
    REQUIRE(npy || as == NULL, GREF_ERR_FORMAT, "%s: --as NAME is for one .npy, this is none",
            path);
    if (npy) {
        TRY(read_one(&made, path, as));
    } else if (S_ISDIR(st.st_mode)) {
        TRY(read_folder(&made, path, ""));
        if (made.n > 1)
            qsort(made.item, (size_t)made.n, sizeof *made.item, by_name);
    } else {
        TRY(read_npz(&made, path));
    }
    REQUIRE(made.n > 0, GREF_ERR_FORMAT, "%s: holds no array", path);
    *arrays = TAKE(made);
    return GREF_OK;
}
