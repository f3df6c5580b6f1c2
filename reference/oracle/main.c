/*
 * gref-oracle: the numbers of a case in ball arithmetic, with a precision that grows until they are
 * known.
 *
 *   prec     working precision, in bits
 *   excess   log2 of the worst radius over what is allowed: bits that are missing
 */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "oracle.h"

enum { OK = 0, USAGE = 2, NUMERICS = 3 };

typedef struct {
    const char *case_path, *at, *out;
    const char **sets;
    int n_sets;
    double rel;
    slong cap;
    int threads;
    bool force;
} options;

static const char help[] =
    "Usage: gref-oracle CASE.json [options]\n\n"
    "The numbers of THEORY sections 1 to 8 for a case, enclosed in ball arithmetic, as JSON.\n\n"
    "  --set KEY=VALUE       override a key of the case; may be repeated\n"
    "  --at T,T,...          times whose laws are written (the case's laws_at and the last step)\n"
    "  --out FILE            write there instead of on stdout\n"
    "  --force               replace FILE\n"
    "  --rel-radius R        how narrow: radii below R times the norm (1e-25)\n"
    "  --max-precision BITS  give up beyond (16384)\n"
    "  --threads N           threads of FLINT (1)\n"
    "  --version             of this program, FLINT and Arb\n"
    "  --help                this text\n\n"
    "Exit codes: 0 ok, 2 wrong usage or unusable input, 3 not narrow enough at any precision.\n";

static int usage_error(const char *fmt, ...)
{
    va_list args;
    fputs("gref-oracle: ", stderr);
    va_start(args, fmt);
    vfprintf(stderr, fmt, args);
    va_end(args);
    fputs(", see gref-oracle --help\n", stderr);
    return USAGE;
}

/* A whole number least..INT_MAX, all of the text. -1: go on; else the exit code. */
static int take_whole(slong *x, const char *name, int least)
{
    char *end = NULL;
    errno = 0;
    long value = strtol(optarg, &end, 10);
    if (end == optarg || *end != '\0' || errno != 0 || value < least || value > INT_MAX)
        return usage_error("--%s '%s' is no whole number from %d on", name, optarg, least);
    *x = value;
    return -1;
}

static int take_radius(double *x)
{
    char *end = NULL;
    double value = strtod(optarg, &end);
    if (end == optarg || *end != '\0' || !(value > 1e-300 && value < 1.0))
        return usage_error("--rel-radius '%s' is no number between 0 and 1", optarg);
    *x = value;
    return -1;
}

/* One option of the table below; `given` is the word itself. -1: go on; else the exit code. */
static int take_option(options *o, int c, const char *given)
{
    slong threads = o->threads;
    int code;
    switch (c) {
    case 's':
        o->sets[o->n_sets++] = optarg;
        break;
    case 'a':
        o->at = optarg;
        break;
    case 'o':
        o->out = optarg;
        break;
    case 'r':
        return take_radius(&o->rel);
    case 'p':
        return take_whole(&o->cap, "max-precision", 64);
    case 'j':
        code = take_whole(&threads, "threads", 1);
        o->threads = (int)threads;
        return code;
    case 'f':
        o->force = true;
        break;
    case 'v':
        printf("gref-oracle %s (FLINT %s, Arb %s)\n", ORACLE_VERSION, flint_version, arb_version);
        return OK;
    case 'h':
        fputs(help, stdout);
        return OK;
    case ':':
        return usage_error("%s needs a value", given);
    default:
        return usage_error("unknown option '%s'", given);
    }
    return -1;
}

/* -1: go on; else the exit code. */
static int parse(options *o, int argc, char **argv)
{
    static const struct option table[] = {
        {"set", required_argument, NULL, 's'},
        {"at", required_argument, NULL, 'a'},
        {"out", required_argument, NULL, 'o'},
        {"rel-radius", required_argument, NULL, 'r'},
        {"max-precision", required_argument, NULL, 'p'},
        {"threads", required_argument, NULL, 'j'},
        {"force", no_argument, NULL, 'f'},
        {"version", no_argument, NULL, 'v'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    int code = -1;
    *o = (options){.rel = 1e-25, .cap = 16384, .threads = 1};
    o->sets = calloc((size_t)argc + 1, sizeof *o->sets);
    opterr = 0; /* getopt's own messages begin with the program's path */
    for (int c; code < 0 && (c = getopt_long(argc, argv, ":", table, NULL)) != -1;)
        code = take_option(o, c, argv[optind - 1]);
    if (code >= 0)
        return code;
    if (optind != argc - 1)
        return usage_error("one case file is needed");
    o->case_path = argv[optind];
    return -1;
}

/* What an indefinite Sigma may have below 0: n 2^-52 |Sigma|_F, what rounding to doubles
 * explains. */
static double indefinite_slack(const oracle_inputs *in)
{
    double sum = 0.0;
    for (int k = 0; k < in->n * in->n; k++)
        sum += in->Sigma.a[k] * in->Sigma.a[k];
    return in->n * 0x1p-52 * sqrt(sum);
}

/* One precision. True if nothing is missing; else *missing bits are. */
static bool attempt(oracle_result *r, double *missing, slong prec, const oracle_inputs *in,
                    double slack, const options *o)
{
    const oracle_entry *worst = NULL;
    clock_t start = clock();
    oracle_result_clear(r);
    bool done = oracle_run(r, in, slack, prec);
    double excess = oracle_result_excess(r, o->rel, &worst);
    fprintf(stderr, "gref-oracle: %ld bits, %.1f s: ", prec,
            (double)(clock() - start) / CLOCKS_PER_SEC);
    if (done && excess <= 0.0)
        fprintf(stderr, "all radii below %g\n", o->rel);
    else if (done && excess < 1e6)
        fprintf(stderr, "%s misses %.0f bits\n", worst->name, excess);
    else
        fprintf(stderr, "not enough\n");
    *missing = done && excess < 1e6 ? excess : INFINITY;
    return done && excess <= 0.0;
}

/* At the largest precision distances may be wide, as long as nothing else is. */
static bool only_distances_are_wide(oracle_result *r, double missing, double rel)
{
    if (!isfinite(missing))
        return false;
    for (int k = 0; k < r->n; k++)
        r->entries[k].honest = r->entries[k].honest || r->entries[k].distance;
    fprintf(stderr, "gref-oracle: distances are known less well, their radii say how\n");
    return oracle_result_excess(r, rel, NULL) <= 0.0;
}

/*
 * Runs at growing precision, at most doubled; distances lose two bits where others lose one, and so
 * the first precision has twice the bits that are asked for.
 */
static bool converge(oracle_result *r, slong *prec, const oracle_inputs *in, double slack,
                     const options *o)
{
    double missing = 0.0;
    *prec = 96 + in->n + (slong)(-2.0 * log2(o->rel));
    for (;;) {
        *prec = *prec < o->cap ? *prec : o->cap;
        if (attempt(r, &missing, *prec, in, slack, o))
            return true;
        if (*prec == o->cap)
            return only_distances_are_wide(r, missing, o->rel);
        double more = fmax(64.0, 2.0 * missing + 32.0);
        *prec += more < (double)*prec ? (slong)more : *prec;
    }
}

/* FILE.part, which becomes FILE when it is whole. */
static bool part_name(char name[4096], const char *path)
{
    return snprintf(name, 4096, "%s.part", path) < 4096;
}

/* Before minutes of computing: can the file be written? False: one line was printed. */
static bool check_out(const options *o)
{
    struct stat st;
    char name[4096];
    if (o->out == NULL)
        return true;
    bool there = stat(o->out, &st) == 0;
    if (there && !S_ISREG(st.st_mode)) {
        fprintf(stderr, "gref-oracle: %s is not a regular file\n", o->out);
        return false;
    }
    if (there && !o->force) {
        fprintf(stderr, "gref-oracle: %s exists; --force replaces it\n", o->out);
        return false;
    }
    errno = ENAMETOOLONG;
    FILE *fp = part_name(name, o->out) ? fopen(name, "w") : NULL;
    if (fp == NULL) {
        fprintf(stderr, "gref-oracle: cannot write %s: %s\n", o->out, strerror(errno));
        return false;
    }
    fclose(fp);
    remove(name); /* a run that is ended leaves nothing */
    return true;
}

/* To a temporary name first, so that a broken file never bears the real one. */
static bool write_out(const options *o, const oracle_inputs *in, const oracle_result *r,
                      const oracle_deviation *d, int psd, int rank, slong prec)
{
    char name[4096];
    if (o->out == NULL)
        return oracle_print(stdout, in, r, d, psd, rank, o->rel, prec) && fflush(stdout) == 0;
    FILE *fp = part_name(name, o->out) ? fopen(name, "w") : NULL;
    bool done = fp != NULL && oracle_print(fp, in, r, d, psd, rank, o->rel, prec);
    done = fp != NULL && fclose(fp) == 0 && done;
    done = done && rename(name, o->out) == 0;
    if (fp != NULL && !done) {
        int error = errno;
        remove(name);
        errno = error;
    }
    return done;
}

static int run(const options *o)
{
    oracle_inputs in;
    oracle_result r = {0};
    oracle_deviation d = {0};
    int rank = 0, code = NUMERICS;
    slong prec = 0;
    if (!check_out(o))
        return USAGE;
    if (!oracle_inputs_load(&in, o->case_path, o->sets, o->n_sets, o->at)) {
        oracle_inputs_free(&in);
        return USAGE;
    }
    flint_set_num_threads(o->threads);
    int psd = oracle_psd_exact(&rank, &in.Sigma);
    bool literal = oracle_literal(&d, &in);
    fprintf(stderr,
            "gref-oracle: n = %d, m = %d, T = %d; Sigma is %s; off their definitions, in eps max: "
            "Sigma %.2g, mu %.2g, A %.2g\n",
            in.n, in.m, in.T, psd ? "positive semi-definite" : "indefinite by rounding", d.Sigma,
            d.mu, d.A);
    if (!literal)
        fprintf(stderr, "gref-oracle: the inputs are not what the case says\n");
    else if (!converge(&r, &prec, &in, psd ? 0.0 : indefinite_slack(&in), o))
        fprintf(stderr, "gref-oracle: not narrow enough at %ld bits, the largest allowed\n", prec);
    else if (write_out(o, &in, &r, &d, psd, rank, prec))
        code = OK;
    else {
        fprintf(stderr, "gref-oracle: cannot write %s: %s\n", o->out == NULL ? "on stdout" : o->out,
                strerror(errno));
        code = USAGE;
    }
    oracle_result_clear(&r);
    oracle_inputs_free(&in);
    return code;
}

int main(int argc, char **argv)
{
    options o;
    int code = parse(&o, argc, argv);
    if (code < 0)
        code = run(&o);
    free(o.sets);
    flint_cleanup();
    return code;
}
