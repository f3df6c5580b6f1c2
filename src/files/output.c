/*
 * Output files: written to a temporary name, renamed when complete, so that none is ever half-
 * written.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "internal.h"

int gref_folder_length(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash == NULL ? 0 : (int)(slash - path) + 1;
}

/*
 * Renaming onto a symbolic link would replace the link (as root: /dev/stdout), and renaming onto a
 * device would replace the device (/dev/null): links are followed, what is no regular file refused.
 */
gref_status gref_output_target(char **target, const char *path)
{
    struct stat st;
    SCOPED_MEM char *real = NULL;
    REQUIRE(path[0] != '\0', GREF_ERR_IO, "the name of a file to write is empty");
    bool exists = lstat(path, &st) == 0;
    REQUIRE(exists || errno == ENOENT, GREF_ERR_IO, "%s: %s", path, strerror(errno));
    if (exists && S_ISLNK(st.st_mode)) {
        real = realpath(path, NULL);
        REQUIRE(real != NULL && stat(real, &st) == 0, GREF_ERR_IO, "%s: symbolic link: %s", path,
                strerror(errno));
    } else {
        real = gref_strdup(path);
        REQUIRE(real != NULL, GREF_ERR_NOMEM, "%s: no memory for its name", path);
    }
    REQUIRE(!exists || !S_ISDIR(st.st_mode), GREF_ERR_IO, "%s: %s", path, strerror(EISDIR));
    REQUIRE(!exists || S_ISREG(st.st_mode), GREF_ERR_IO, "%s: not a regular file", path);
    *target = TAKE(real);
    return GREF_OK;
}

/* Mode 0666 cut down by the umask, as fopen does; mkstemp would make the result private. */
static gref_status open_temporary(int *fd, char **temp, const char *target)
{
    enum { ATTEMPTS = 1000 };
    SCOPED_MEM char *name = NULL;
    int f = -1;
    for (int k = 0; k < ATTEMPTS && f < 0; k++) {
        free(name);
        name = gref_format("%.*s.gref-%ld-%d.tmp", gref_folder_length(target), target,
                           (long)getpid(), k);
        REQUIRE(name != NULL, GREF_ERR_NOMEM, "%s: no memory for a temporary name", target);
        f = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (f < 0 && errno != EEXIST)
            break;
    }
    REQUIRE(f >= 0, GREF_ERR_IO, "%s: cannot be written: %s", target, strerror(errno));
    *fd = f;
    *temp = TAKE(name);
    return GREF_OK;
}

gref_status gref_output_open(gref_output *o, const char *path)
{
    SCOPED(gref_output) opened = {0};
    int fd = -1;
    TRY(gref_output_target(&opened.target, path));
    TRY(open_temporary(&fd, &opened.temp, opened.target));
    opened.fp = fdopen(fd, "wb");
    if (opened.fp == NULL)
        close(fd);
    REQUIRE(opened.fp != NULL, GREF_ERR_NOMEM, "%s: no memory to write it", path);
    *o = TAKE(opened);
    return GREF_OK;
}

gref_status gref_output_commit(gref_output *out)
{
    SCOPED(gref_output) o = TAKE(*out);
    errno = 0;
    bool written = fflush(o.fp) == 0 && !ferror(o.fp);
    int error = errno != 0 ? errno : EIO; /* 0: it was an earlier write that failed */
    bool closed = fclose(TAKE(o.fp)) == 0;
    if (written && !closed)
        error = errno;
    REQUIRE(written && closed, GREF_ERR_IO, "%s: cannot be written: %s", o.target, strerror(error));
    REQUIRE(rename(o.temp, o.target) == 0, GREF_ERR_IO, "%s: cannot be written: %s", o.target,
            strerror(errno));
    free(TAKE(o.temp));
    return GREF_OK;
}

void gref_output_free(gref_output *o)
{
    if (o->fp != NULL)
        fclose(o->fp);
    if (o->temp != NULL)
        unlink(o->temp);
    free(o->temp);
    free(o->target);
    *o = (gref_output){0};
}
