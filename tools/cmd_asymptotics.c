/* gref asymptotics: how the modelled laws of the samplers meet as t -> 0. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <gref/gref.h>

#include "cmd.h"
#include "options.h"

DEFINE_DROP(gref_case)
DEFINE_DROP(gref_asymptotics_report)

/* A number in full, or one line of complaint; 0 when the option was not given. */
static int read_number(double *x, const char *name, const char *text)
{
    char *end;
    if (text == NULL)
        return CMD_OK;
    errno = 0;
    *x = strtod(text, &end);
    if (end == text || *end != '\0' || errno != 0)
        return cmd_complain(CMD_USAGE, "asymptotics", "--%s is a number, not '%s'", name, text);
    return CMD_OK;
}

/* --from and --to: 0 would stand for the default, so it is refused here. */
static int read_e(double *x, const char *name, const char *text)
{
    int code = read_number(x, name, text);
    if (code == CMD_OK && text != NULL && !(*x > 0.0 && *x < 1.0))
        code = cmd_complain(CMD_USAGE, "asymptotics",
                            "--%s %s: e = 1 - abar must lie between 0 and 1", name, text);
    return code;
}

static int read_alphas(double **alphas, const option_list *texts)
{
    int code = CMD_OK;
    *alphas = calloc((size_t)texts->n + 1, sizeof **alphas);
    if (*alphas == NULL)
        return cmd_complain(CMD_USAGE, "asymptotics", "out of memory");
    for (int k = 0; k < texts->n && code == CMD_OK; k++)
        code = read_number(*alphas + k, "alpha", texts->item[k]);
    return code;
}

static int print_result(const gref_asymptotics_report *report, bool json, const char *dir)
{
    int code = cmd_print("asymptotics",
                         json ? gref_asymptotics_list(report) : gref_asymptotics_table(report));
    if (code != CMD_OK)
        return code;
    if (dir != NULL && !json)
        printf("files in %s\n", dir);
    if (report->note[0] != '\0')
        fprintf(stderr, "gref asymptotics: note: %s\n", report->note);
    cmd_note_skipped("asymptotics", !report->self_tested);
    return report->undecided ? CMD_UNDECIDED : report->holds ? CMD_OK : CMD_DIFFERS;
}

static int run(const char *path, const option_list *sets, const gref_asymptotics_options *o,
               bool json)
{
    SCOPED_PTR(gref_case) *c = NULL;
    SCOPED_PTR(gref_asymptotics_report) *report = NULL;
    CMD_TRY("asymptotics", gref_case_load(&c, path, sets->item, sets->n));
    CMD_TRY("asymptotics", gref_asymptotics_run(&report, c, o));
    return print_result(report, json, o->dir);
}

int cmd_asymptotics(int argc, char **argv)
{
    gref_asymptotics_options o = {0};
    const char *path = NULL, *from = NULL, *to = NULL;
    SCOPED_MEM double *alphas = NULL;
    bool json = false;
    SCOPED(option_list) sets = {0}, texts = {0};
    const option options[] = {
        OPTION_TEXT("out", "DIR", &o.dir, "folder for the files, made if need be"),
        OPTION_LIST("set", "KEY=VALUE", &sets, "override a key of the case: noise.sigma=0.2"),
        OPTION_LIST("alpha", "ALPHA", &texts, "of dps besides 1; default: the case's, and 2"),
        OPTION_TEXT("from", "E", &from, "largest e = 1 - abar, 1e-1"),
        OPTION_TEXT("to", "E", &to, "smallest, 1e-16; 1e-70 or more, a decade below E of --from"),
        OPTION_TEXT("path", "PATH", &path,
                    "auto (by size), dense (any problem) or spectral (stationary ones)"),
        OPTION_FLAG("force", &o.force, "replace files of an earlier run in DIR"),
        OPTION_FLAG("no-self-test", &o.skip_self_test,
                    "do not test the BLAS first; asymptotics.json says so"),
        OPTION_FLAG("json", &json, "print a JSON list of {sampler, alpha or r2, order, ...}"),
        {0},
    };
    const usage u = {
        .command = "asymptotics",
        .arguments = "CASE [options]",
        .about =
            "How the modelled laws N(mu_{t|v}, C_{t|v}) of dps and pigdm meet cgdm's, which is "
            "exact,\n"
            "as t -> 0: the order in e = 1 - abar and the leading coefficient against theory, and\n"
            "the limit of dps with alpha other than 1. The last line says which claim holds; exit\n"
            "code 1 if an order is off by more than 0.01 or a coefficient by more than 1e-6, 4 if\n"
            "rounding hides whether A mixes kernel and range of Sigma.\n"
            "With --out leaves asymptotics.json, asymptotics.csv and asymptotics.svg in DIR.",
        .options = options,
        .min_operands = 1,
        .max_operands = 1,
    };
    int n, code;
    if (!options_parse(&u, argc, argv, &n, &code) ||
        (code = read_e(&o.from, "from", from)) != CMD_OK ||
        (code = read_e(&o.to, "to", to)) != CMD_OK ||
        (code = read_alphas(&alphas, &texts)) != CMD_OK)
        return code;
    if (path != NULL && !gref_path_parse(&o.path, path))
        return cmd_complain(CMD_USAGE, "asymptotics", "--path is auto, dense or spectral, not '%s'",
                            path);
    o.alphas = alphas;
    o.n_alphas = texts.n;
    return run(argv[0], &sets, &o, json);
}
