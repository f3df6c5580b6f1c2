/* gref study: the exact study of a case. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <gref/gref.h>

#include "cmd.h"
#include "options.h"

DEFINE_DROP(gref_case)
DEFINE_DROP(gref_study)

static volatile sig_atomic_t interrupted;

/* The third ends the program on the spot; a second comes by itself, timeout(1) sends two. */
static void on_signal(int number)
{
    static volatile sig_atomic_t count;
    interrupted = number;
    if (count++ > 0)
        signal(number, SIG_DFL);
}

/* Ctrl-C ends the study at the next step, so that its staging folder is removed; nohup's SIGHUP
 * stays ignored. */
static void catch_signals(void)
{
    const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
    struct sigaction action = {.sa_handler = on_signal}, old;
    for (int k = 0; k < 3; k++)
        if (sigaction(numbers[k], NULL, &old) == 0 && old.sa_handler != SIG_IGN)
            sigaction(numbers[k], &action, NULL);
}

/* After the cleaning: ends as the signal ends a program, so that a caller sees 128 + its number. */
static int end_by_signal(void)
{
    int number = interrupted;
    cmd_complain(CMD_USAGE, "study", "cancelled");
    signal(number, SIG_DFL);
    raise(number);
    return 128 + number;
}

typedef struct {
    bool shown, drawn;
    time_t last;
    char what[80];
    struct timespec start;
} meter;

static double seconds_since(struct timespec start)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)(now.tv_sec - start.tv_sec) + 1e-9 * (double)(now.tv_nsec - start.tv_nsec);
}

/* A line a second on stderr, overwritten on a terminal. */
static bool show_progress(void *context, const char *what, int done, int total)
{
    meter *m = context;
    time_t now = time(NULL);
    bool changed = strcmp(m->what, what) != 0;
    if (m->shown && (changed || now != m->last)) {
        bool terminal = isatty(STDERR_FILENO) != 0;
        snprintf(m->what, sizeof m->what, "%s", what);
        m->last = now;
        fprintf(stderr, terminal ? "\r\033[K" : "");
        if (total > 0)
            fprintf(stderr, "gref study: %3d %%  %5.1f s  %s", 100 * done / total,
                    seconds_since(m->start), what);
        else
            fprintf(stderr, "gref study:         %5.1f s  %s", seconds_since(m->start), what);
        fprintf(stderr, terminal ? "" : "\n");
        m->drawn = terminal;
    }
    return interrupted == 0;
}

/* The folder stands already: what fails here is no fault of the study. */
static int flush_result(const char *dir)
{
    if (fflush(stdout) == 0 && ferror(stdout) == 0)
        return CMD_OK;
    return cmd_complain(
        CMD_USAGE, "study",
        "cannot write to standard output: %s; the study is complete in %s, only printing failed",
        strerror(errno), dir);
}

static int print_result(const gref_study *study, bool json, const char *dir)
{
    int code = cmd_print("study", json ? gref_study_summary(study) : gref_study_table(study));
    if (code != CMD_OK)
        return code;
    if (study->note[0] != '\0')
        fprintf(stderr, "gref study: note: %s\n", study->note);
    cmd_note_skipped("study", !study->self_tested);
    for (int k = 0; k < study->n_samplers; k++)
        if (study->samplers[k].guided &&
            study->samplers[k].spec.convention.guidance == GREF_GUIDANCE_AFTER) {
            fprintf(
                stderr,
                "gref study: note: guidance \"after\" does not use C_{v|t}: every guided sampler "
                "with the same zeta has the same law\n");
            break;
        }
    if (!json)
        printf("\nfiles in %s\n", dir);
    return flush_result(dir);
}

/* What nobody asked for is said: another path than the dense one, or the dense one where it takes
 * long. */
static void note_path(const gref_study *study, gref_path asked)
{
    if (asked == GREF_PATH_AUTO && study->n > GREF_STUDY_DENSE_MOST)
        fprintf(stderr, "gref study: note: %s path: %s\n", study->path, study->path_reason);
}

static int run(const gref_case *c, gref_study_options o, bool json, bool progress)
{
    SCOPED_PTR(gref_study) *study = NULL;
    meter m = {.shown = progress || isatty(STDERR_FILENO) != 0};
    o.progress = show_progress;
    o.context = &m;
    clock_gettime(CLOCK_MONOTONIC, &m.start);
    catch_signals();
    gref_status status = gref_study_run(&study, c, &o);
    if (m.drawn)
        fprintf(stderr, "\r\033[K");
    if (status != GREF_OK) /* a signal also ends gnuplot, which is then what failed */
        return interrupted != 0 ? end_by_signal() : cmd_finish("study", status);
    int code = print_result(study, json, o.dir);
    note_path(study, o.path);
    return code;
}

int cmd_study(int argc, char **argv)
{
    gref_study_options o = {0};
    const char *path = NULL;
    bool json = false, only_print = false, progress = false;
    SCOPED(option_list) sets = {0};
    const option options[] = {
        OPTION_TEXT("out", "DIR", &o.dir, "folder for the files, made if need be"),
        OPTION_LIST("set", "KEY=VALUE", &sets, "override a key of the case: operator.std=2.0"),
        OPTION_TEXT("path", "PATH", &path,
                    "auto (by size), dense (any problem) or spectral (stationary ones)"),
        OPTION_FLAG("force", &o.force, "replace files of an earlier study in DIR"),
        OPTION_FLAG("no-self-test", &o.skip_self_test,
                    "do not test the BLAS first; summary.json says so"),
        OPTION_FLAG("json", &json, "print summary.json instead of the table"),
        OPTION_FLAG("print-case", &only_print, "print the completed case and stop"),
        OPTION_FLAG("progress", &progress, "show progress on stderr even if it is no terminal"),
        {0},
    };
    const usage u = {
        .command = "study",
        .arguments = "CASE --out DIR [options]",
        .about =
            "Computes the exact law of every sampler of a case at every step, its 2-Wasserstein\n"
            "distance to the exact p_t(x | v), and its bias, without assuming stationarity\n"
            "(but above 1024 pixels by spectra if the problem is stationary).\n"
            "Leaves summary.json, w2.csv, arrays.npz, problem.png, bias.png, samples.png and\n"
            "w2.svg in DIR, all or none.",
        .options = options,
        .min_operands = 1,
        .max_operands = 1,
    };
    int n, code;
    SCOPED_PTR(gref_case) *c = NULL;
    if (!options_parse(&u, argc, argv, &n, &code))
        return code;
    if (o.dir == NULL && !only_print)
        return cmd_complain(CMD_USAGE, "study", "--out DIR is missing: where the files go");
    if (path != NULL && !gref_path_parse(&o.path, path))
        return cmd_complain(CMD_USAGE, "study", "--path is auto, dense or spectral, not '%s'",
                            path);
    CMD_TRY("study", gref_case_load(&c, argv[0], sets.item, sets.n));
    return only_print ? cmd_print("study", gref_case_print(c)) : run(c, o, json, progress);
}
