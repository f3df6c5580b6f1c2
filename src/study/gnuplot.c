/*
 * gnuplot on a script of our own: run in the folder where the pictures go, its complaints caught. A gnuplot that is
 * missing or fails costs the pictures, not what they show.
 */
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/internal.h"
#include "internal.h"

extern char **environ;

/* Text for gnuplot between double quotes: its escapes and its markup are switched off elsewhere. */
void gref_gnuplot_quote(FILE *f, const char *text)
{
    fputc('"', f);
    for (const char *c = text; *c != '\0'; c++) {
        if (*c == '"' || *c == '\\' || *c == '`')
            fputc('\\', f);
        fputc(*c, f);
    }
    fputc('"', f);
}

/* Runs gnuplot in `dir` on the script; 0, or errno of the spawn, or -1 when gnuplot failed. */
static int run_gnuplot(const char *script, const char *log)
{
    pid_t child;
    int wait_status;
    char *argv[] = {(char[]){"gnuplot"}, (char *)(uintptr_t)script, NULL};
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_addopen(&actions, 2, log, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    int error = posix_spawnp(&child, "gnuplot", &actions, NULL, argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    if (error != 0)
        return error;
    while (waitpid(child, &wait_status, 0) < 0)
        if (errno != EINTR)
            return errno;
    if (WIFEXITED(wait_status) && WEXITSTATUS(wait_status) == 127)
        return ENOENT;
    return WIFEXITED(wait_status) && WEXITSTATUS(wait_status) == 0 ? 0 : -1;
}

/* First line of gnuplot's complaint that is not blank, for the note. */
static void first_complaint(char *line, int size, const char *log)
{
    FILE *f = fopen(log, "r");
    line[0] = '\0';
    while (f != NULL && fgets(line, size, f) != NULL)
        if (strspn(line, " \t\n^") < strlen(line))
            break;
    if (f != NULL)
        fclose(f);
    line[strcspn(line, "\n")] = '\0';
}

/* The script: utf-8, in `dir`, then what `write` says. */
static gref_status write_script(const char *path, const char *dir, gref_script_writer *write,
                                const void *what)
{
    gref_status status = GREF_OK;
    FILE *f = fopen(path, "w");
    REQUIRE_OUT(f != NULL, GREF_ERR_IO, "%s: %s", path, strerror(errno));
    fprintf(f, "set encoding utf8\ncd ");
    gref_gnuplot_quote(f, dir);
    fprintf(f, "\n");
    TRY_OUT(write(f, what));
    int closed = fclose(f);
    f = NULL;
    REQUIRE_OUT(closed == 0, GREF_ERR_IO, "%s: %s", path, strerror(errno));
out:
    if (f != NULL)
        fclose(f);
    return status;
}

gref_status gref_gnuplot(char *note, int size, const char *dir, gref_script_writer *write,
                         const void *what)
{
    gref_status status = GREF_OK;
    char line[256], *script = gref_format("%s/.script.gp", dir),
                    *log = gref_format("%s/.gnuplot.log", dir);
    REQUIRE_OUT(script != NULL && log != NULL, GREF_ERR_NOMEM, "no memory for a file name");
    TRY_OUT(write_script(script, dir, write, what));
    int error = run_gnuplot(script, log);
    if (error == ENOENT) {
        snprintf(note, (size_t)size, "gnuplot is not installed: no pictures were drawn");
    } else if (error != 0) {
        first_complaint(line, sizeof line, log);
        snprintf(note, (size_t)size, "gnuplot failed, pictures may be missing: %s", line);
    }
out:
    if (script != NULL)
        unlink(script);
    if (log != NULL)
        unlink(log);
    free(script);
    free(log);
    return status;
}
