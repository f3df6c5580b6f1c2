/*
 * Output folders: everything is written to a staging folder beside the target, which then takes the
 * target's place, so that a run that fails or is cancelled leaves nothing behind.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "internal.h"

/* The file `name` in folder `dir`, freshly allocated. */
static char *inside(const char *dir, const char *name)
{
    return gref_format("%s/%s", dir, name);
}

static void close_folder(DIR **d)
{
    if (*d != NULL)
        closedir(*d);
}

/* Calls f on every entry but . and .. until one fails. */
static gref_status for_each(const char *dir, gref_status (*f)(const char *, const char *, void *),
                            void *x)
{
    __attribute__((cleanup(close_folder))) DIR *d = opendir(dir);
    REQUIRE(d != NULL, GREF_ERR_IO, "%s: %s", dir, strerror(errno));
    for (struct dirent *e = readdir(d); e != NULL; e = readdir(d))
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
            TRY(f(dir, e->d_name, x));
    return GREF_OK;
}

/* True for a folder itself, not for a link to one: only folders made here are descended into. */
static bool is_folder(const char *path)
{
    struct stat st;
    return lstat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static gref_status remove_entry(const char *dir, const char *name, void *unused)
{
    char *path = inside(dir, name);
    if (path != NULL && is_folder(path)) {
        if (for_each(path, remove_entry, unused) == GREF_OK)
            rmdir(path);
    } else if (path != NULL) {
        unlink(path);
    }
    free(path);
    return GREF_OK;
}

/* Moves one entry of the staging folder into the target, files over files, folders into folders. */
static gref_status move_entry(const char *dir, const char *name, void *target)
{
    SCOPED_MEM char *from = inside(dir, name), *to = inside(target, name);
    REQUIRE(from != NULL && to != NULL, GREF_ERR_NOMEM, "no memory for a file name");
    if (is_folder(from)) {
        REQUIRE(mkdir(to, 0777) == 0 || errno == EEXIST, GREF_ERR_IO, "%s: %s", to,
                strerror(errno));
        TRY(for_each(from, move_entry, to));
        rmdir(from);
        return GREF_OK;
    }
    REQUIRE(rename(from, to) == 0, GREF_ERR_IO, "%s: %s", to, strerror(errno));
    return GREF_OK;
}

/* The longest leading part of path that exists as a folder: "." if none does. */
static char *existing_ancestor(const char *path)
{
    struct stat st;
    char *a = gref_strdup(path);
    while (a != NULL && !(stat(a, &st) == 0 && S_ISDIR(st.st_mode))) {
        char *slash = strrchr(a, '/');
        if (slash == NULL) {
            free(a);
            return gref_strdup(".");
        }
        if (slash == a) {
            a[1] = '\0';
            return a;
        }
        *slash = '\0';
    }
    return a;
}

/* mkdir -p. */
static gref_status make_folders(const char *path)
{
    SCOPED_MEM char *p = gref_strdup(path);
    REQUIRE(p != NULL, GREF_ERR_NOMEM, "no memory for a folder name");
    for (char *c = p + 1; *c != '\0'; c++)
        if (*c == '/') {
            *c = '\0';
            REQUIRE(mkdir(p, 0777) == 0 || errno == EEXIST, GREF_ERR_IO, "%s: %s", p,
                    strerror(errno));
            *c = '/';
        }
    REQUIRE(mkdir(p, 0777) == 0 || errno == EEXIST, GREF_ERR_IO, "%s: %s", p, strerror(errno));
    return GREF_OK;
}

/* Fails if one of the names stands in the folder. */
static gref_status refuse_existing(const char *dir, const char *const *names)
{
    for (int k = 0; names[k] != NULL; k++) {
        SCOPED_MEM char *file = inside(dir, names[k]);
        REQUIRE(file != NULL, GREF_ERR_NOMEM, "no memory for a file name");
        REQUIRE(access(file, F_OK) != 0, GREF_ERR_EXISTS, "%s exists; --force replaces it", file);
    }
    return GREF_OK;
}

gref_status gref_folder_open(gref_folder *f, const char *path, const char *const *names, bool force)
{
    SCOPED(gref_folder) made = {0};
    struct stat st;
    REQUIRE(path[0] != '\0', GREF_ERR_IO, "the name of the output folder is empty");
    made.target = gref_strdup(path);
    REQUIRE(made.target != NULL, GREF_ERR_NOMEM, "no memory for a folder name");
    for (size_t k = strlen(made.target); k > 1 && made.target[k - 1] == '/'; k--)
        made.target[k - 1] = '\0';
    REQUIRE(stat(path, &st) != 0 || S_ISDIR(st.st_mode), GREF_ERR_EXISTS,
            "%s exists and is not a folder", path);
    if (!force)
        TRY(refuse_existing(made.target, names));
    SCOPED_MEM char *near = existing_ancestor(made.target);
    REQUIRE(near != NULL, GREF_ERR_NOMEM, "no memory for a folder name");
    SCOPED_MEM char *stage = gref_format("%s/.gref-%ld.partial", near, (long)getpid());
    REQUIRE(stage != NULL, GREF_ERR_NOMEM, "no memory for a folder name");
    REQUIRE(mkdir(stage, 0777) == 0, GREF_ERR_IO, "%s: nothing can be written there: %s", near,
            strerror(errno));
    made.stage = TAKE(stage);
    *f = TAKE(made);
    return GREF_OK;
}

gref_status gref_folder_commit(gref_folder *out)
{
    SCOPED(gref_folder) f = TAKE(*out);
    TRY(make_folders(f.target));
    return for_each(f.stage, move_entry, f.target);
}

void gref_folder_free(gref_folder *f)
{
    if (f->stage != NULL && for_each(f->stage, remove_entry, NULL) == GREF_OK)
        rmdir(f->stage);
    free(f->stage);
    free(f->target);
    *f = (gref_folder){0};
}

gref_status gref_folder_path(char **out, const gref_folder *f, const char *name)
{
    SCOPED_MEM char *path = inside(f->stage, name);
    REQUIRE(path != NULL, GREF_ERR_NOMEM, "no memory for a file name");
    char *slash = strrchr(path, '/');
    *slash = '\0';
    TRY(make_folders(path));
    *slash = '/';
    *out = TAKE(path);
    return GREF_OK;
}

gref_status gref_file_write(const char *dir, const char *name, const char *text)
{
    SCOPED(gref_output) o = {0};
    SCOPED_MEM char *path = inside(dir, name);
    REQUIRE(path != NULL && text != NULL, GREF_ERR_NOMEM, "no memory for %s", name);
    TRY(gref_output_open(&o, path));
    fputs(text, o.fp);
    return gref_output_commit(&o);
}
