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
    SCOPED(gref_mat) owned = A;
    SCOPED_MEM char *copy = gref_strdup(name);
    REQUIRE(copy != NULL, GREF_ERR_NOMEM, "no memory for '%s'", name);
    REQUIRE(gref_arrays_find(arrays, name) == NULL, GREF_ERR_FORMAT, "two arrays are called '%s'",
            name);
    gref_array *grown = realloc(arrays->item, ((size_t)arrays->n + 1) * sizeof *grown);
    REQUIRE(grown != NULL, GREF_ERR_NOMEM, "no memory for '%s'", name);
    arrays->item = grown;
    arrays->item[arrays->n++] = (gref_array){TAKE(copy), TAKE(owned), ndim, single};
    return GREF_OK;
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

/* Member `name` of an archive. */
static gref_status read_member(gref_arrays *arrays, gref_npz_reader *r, const char *name,
                               const char *path)
{
    SCOPED_MEM unsigned char *bytes = NULL;
    SCOPED_MEM char *where = gref_format("%s[%s]", path, name);
    size_t size;
    REQUIRE(where != NULL, GREF_ERR_NOMEM, "%s: no memory to read '%s'", path, name);
    TRY(gref_npz_bytes(&bytes, &size, r, name));
    return append_bytes(arrays, name, bytes, size, where);
}

static gref_status read_npz(gref_arrays *arrays, const char *path)
{
    SCOPED_PTR(gref_npz_reader) *r = NULL;
    TRY(gref_npz_open(&r, path));
    for (int k = 0; k < gref_npz_count(r); k++)
        if (!ends_in(gref_npz_name(r, k), ".json"))
            TRY(read_member(arrays, r, gref_npz_name(r, k), path));
    return GREF_OK;
}

/* The bytes of a file. */
gref_status gref_read_file(unsigned char **bytes, size_t *size, const char *path)
{
    struct stat st;
    SCOPED_MEM unsigned char *buffer = NULL;
    SCOPED_FILE *fp = fopen(path, "rb");
    REQUIRE(fp != NULL && fstat(fileno(fp), &st) == 0, GREF_ERR_IO, "%s: %s", path,
            strerror(errno));
    buffer = gref_alloc((size_t)st.st_size + 1, 1);
    REQUIRE(buffer != NULL, GREF_ERR_NOMEM, "%s: no memory for its %lld bytes", path,
            (long long)st.st_size);
    REQUIRE(fread(buffer, 1, (size_t)st.st_size, fp) == (size_t)st.st_size, GREF_ERR_IO,
            "%s: cannot be read", path);
    *bytes = TAKE(buffer);
    *size = (size_t)st.st_size;
    return GREF_OK;
}

static gref_status read_one(gref_arrays *arrays, const char *path, const char *name)
{
    SCOPED_MEM unsigned char *bytes = NULL;
    size_t size;
    TRY(gref_read_file(&bytes, &size, path));
    return append_bytes(arrays, name, bytes, size, path);
}

static gref_status read_folder(gref_arrays *arrays, const char *top, const char *below);

/* What stands at top/below/entry: a .npy, called by its path below `top`; or a folder of them. */
static gref_status read_entry(gref_arrays *arrays, const char *top, const char *below,
                              const char *entry)
{
    struct stat st;
    SCOPED_MEM char *name = gref_format("%s%s", below, entry), *deeper = NULL;
    SCOPED_MEM char *file = gref_format("%s/%s%s", top, below, entry);
    REQUIRE(name != NULL && file != NULL, GREF_ERR_NOMEM, "%s: no memory to list it", top);
    if (stat(file, &st) == 0 && S_ISDIR(st.st_mode)) {
        deeper = gref_format("%s/", name);
        REQUIRE(deeper != NULL, GREF_ERR_NOMEM, "%s: no memory to list it", top);
        return read_folder(arrays, top, deeper);
    }
    if (!ends_in(name, ".npy"))
        return GREF_OK;
    name[strlen(name) - strlen(".npy")] = '\0';
    return read_one(arrays, file, name);
}

static inline void folder_free(DIR **dir)
{
    if (*dir != NULL)
        closedir(*dir);
}

/* Every .npy below `top`; `below` is "" or "a/b/". */
static gref_status read_folder(gref_arrays *arrays, const char *top, const char *below)
{
    typedef DIR *folder;
    SCOPED_MEM char *path = gref_format("%s/%s", top, below);
    REQUIRE(path != NULL, GREF_ERR_NOMEM, "%s: no memory to list it", top);
    SCOPED(folder) dir = opendir(path);
    REQUIRE(dir != NULL, GREF_ERR_IO, "%s: %s", path, strerror(errno));
    for (struct dirent *e = readdir(dir); e != NULL; e = readdir(dir))
        if (e->d_name[0] != '.')
            TRY(read_entry(arrays, top, below, e->d_name));
    return GREF_OK;
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
