/*
 * gnuplot on the scripts of src/study/gp, which stand in this program as text: run in a folder of
 * their own, its complaints caught. A gnuplot that is missing or fails costs the pictures, not what
 * they show.
 */
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/internal.h"
#include "files/internal.h"
#include "internal.h"

extern char **environ;

static const char *const panels_gp[] = {
#include "panels.gp.h"
    NULL};
static const char *const w2_gp[] = {
#include "w2.gp.h"
    NULL};
static const char *const asymptotics_gp[] = {
#include "asymptotics.gp.h"
    NULL};
static const char *const budget_gp[] = {
#include "budget.gp.h"
    NULL};
static const struct {
    const char *name;
    const char *const *lines;
} scripts[] = {{"panels.gp", panels_gp},
               {"w2.gp", w2_gp},
               {"asymptotics.gp", asymptotics_gp},
               {"budget.gp", budget_gp}};

/* Closes the files; false if one of them could not be written. */
static bool close_files(gref_plot *p)
{
    bool whole = true;
    while (p->n_files > 0) {
        FILE *f = p->files[--p->n_files];
        bool failed = ferror(f) != 0;
        whole = fclose(f) == 0 && !failed && whole;
    }
    return whole;
}

void gref_plot_free(gref_plot *p)
{
    close_files(p);
    gref_folder_free(&p->folder);
}

gref_status gref_plot_file(FILE **f, gref_plot *p, const char *name)
{
    SCOPED_MEM char *path = gref_format("%s/%s", p->folder.stage, name);
    REQUIRE(path != NULL, GREF_ERR_NOMEM, "no memory for a file name");
    FILE *opened = p->n_files < GREF_PLOT_FILES ? fopen(path, "w") : NULL;
    REQUIRE(opened != NULL, GREF_ERR_IO, "%s: %s", path, strerror(errno));
    *f = p->files[p->n_files++] = opened;
    return GREF_OK;
}

gref_status gref_plot_open(gref_plot *out_p, const char *dir)
{
    SCOPED(gref_plot) p = {.folder.stage = gref_format("%s/.gnuplot", dir)};
    REQUIRE(p.folder.stage != NULL, GREF_ERR_NOMEM, "no memory for a folder name");
    REQUIRE(mkdir(p.folder.stage, 0700) == 0, GREF_ERR_IO, "%s: %s", p.folder.stage,
            strerror(errno));
    for (size_t k = 0; k < sizeof scripts / sizeof *scripts; k++) {
        FILE *f;
        TRY(gref_plot_file(&f, &p, scripts[k].name));
        for (const char *const *line = scripts[k].lines; *line != NULL; line++)
            fputs(*line, f);
        REQUIRE(close_files(&p), GREF_ERR_IO, "%s: %s", p.folder.stage, strerror(errno));
    }
    TRY(gref_plot_file(&p.script, &p, "draw.gp"));
    fprintf(p.script, "set encoding utf8\ncd ARG1\n");
    *out_p = TAKE(p);
    return GREF_OK;
}

/* Runs gnuplot on the script, whose argument is the folder; 0, or errno of the spawn, or -1 when
 * gnuplot failed. */
static int run_gnuplot(const char *script, const char *folder, const char *log)
{
    pid_t child;
    int wait_status;
    char *argv[] = {(char[]){"gnuplot"}, (char[]){"-c"}, (char *)(uintptr_t)script,
                    (char *)(uintptr_t)folder, NULL};
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

/* First line of gnuplot's complaint that is neither blank nor a warning, for the note. */
static void first_complaint(char *line, int size, const char *log)
{
    FILE *f = fopen(log, "r");
    line[0] = '\0';
    while (f != NULL && fgets(line, size, f) != NULL)
        if (strspn(line, " \t\n^") < strlen(line) && strstr(line, "warning:") == NULL)
            break;
    if (f != NULL)
        fclose(f);
    line[strcspn(line, "\n")] = '\0';
}

gref_status gref_plot_draw(char *note, int size, gref_plot *p)
{
    const char *folder = p->folder.stage;
    char line[256];
    SCOPED_MEM char *script = gref_format("%s/draw.gp", folder),
                    *log = gref_format("%s/log", folder);
    REQUIRE(script != NULL && log != NULL, GREF_ERR_NOMEM, "no memory for a file name");
    REQUIRE(close_files(p), GREF_ERR_IO, "%s: %s", folder, strerror(errno));
    int error = run_gnuplot(script, folder, log);
    if (error == ENOENT) {
        snprintf(note, (size_t)size, "gnuplot is not installed: no pictures were drawn");
    } else if (error != 0) {
        first_complaint(line, sizeof line, log);
        snprintf(note, (size_t)size, "gnuplot failed, pictures may be missing: %s", line);
    }
    return GREF_OK;
}
