/*
 * gref-oracle: the numbers of a case in ball arithmetic, with a precision that grows until they are known.
 *
 *   prec     working precision, in bits
 *   excess   log2 of the worst radius over what is allowed: bits that are missing
 */
#include <getopt.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "oracle.h"

enum { OK = 0, USAGE = 2, NUMERICS = 3 };

typedef struct {
    const char *case_path, *at, *out;
    const char **sets;
    int n_sets;
    double rel;
    slong cap;
    int threads;
} options;

static const char help[] =
    "Usage: gref-oracle CASE.json [options]\n\n"
    "The numbers of THEORY sections 1 to 8 for a case, enclosed in ball arithmetic, as JSON.\n\n"
    "  --set KEY=VALUE       override a key of the case; may be repeated\n"
    "  --at T,T,...          times whose laws are written (the case's laws_at and the last step)\n"
    "  --out FILE            write there instead of on stdout\n"
    "  --rel-radius R        how narrow: radii below R times the norm (1e-25)\n"
    "  --max-precision BITS  give up beyond (16384)\n"
    "  --threads N           threads of FLINT (1)\n"
    "  --version             of this program, FLINT and Arb\n"
    "  --help                this text\n\n"
    "Exit codes: 0 ok, 2 wrong usage or unusable input, 3 not narrow enough at any precision.\n";

static int usage_error(const char *what)
{
    fprintf(stderr, "gref-oracle: %s, see gref-oracle --help\n", what);
    return USAGE;
}

/* One option of the table below. -1: go on; else the exit code. */
static int take_option(options *o, int c)
{
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
        o->rel = atof(optarg);
        break;
    case 'p':
        o->cap = atol(optarg);
        break;
    case 'j':
        o->threads = atoi(optarg);
        break;
    case 'v':
        printf("gref-oracle %s (FLINT %s, Arb %s)\n", ORACLE_VERSION, flint_version, arb_version);
        return OK;
    case 'h':
        fputs(help, stdout);
        return OK;
    default:
        return USAGE;
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
        {"version", no_argument, NULL, 'v'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    int code = -1;
    *o = (options){.rel = 1e-25, .cap = 16384, .threads = 1};
    o->sets = calloc((size_t)argc + 1, sizeof *o->sets);
    for (int c; code < 0 && (c = getopt_long(argc, argv, "", table, NULL)) != -1;)
        code = take_option(o, c);
    if (code >= 0)
        return code;
    if (optind != argc - 1)
        return usage_error("one case file is needed");
    if (!(o->rel > 1e-300 && o->rel < 1.0) || o->cap < 64 || o->threads < 1)
        return usage_error("--rel-radius lies between 0 and 1, --max-precision is at least 64, "
                           "--threads at least 1");
    o->case_path = argv[optind];
    return -1;
}

/* What an indefinite Sigma may have below 0: n 2^-52 |Sigma|_F, what rounding to doubles explains. */
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
 * Runs at growing precision, at most doubled; distances lose two bits where others lose one, and so the
 * first precision has twice the bits that are asked for.
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

/* To a temporary name first, so that a broken file never bears the real one. */
static bool write_out(const options *o, const oracle_inputs *in, const oracle_result *r,
                      const oracle_deviation *d, int psd, int rank, slong prec)
{
    char name[4096];
    if (o->out == NULL)
        return oracle_print(stdout, in, r, d, psd, rank, o->rel, prec) && fflush(stdout) == 0;
    snprintf(name, sizeof name, "%s.part", o->out);
    FILE *fp = fopen(name, "w");
    bool done = fp != NULL && oracle_print(fp, in, r, d, psd, rank, o->rel, prec);
    done = fp != NULL && fclose(fp) == 0 && done;
    return done && rename(name, o->out) == 0;
}

static int run(const options *o)
{
    oracle_inputs in;
    oracle_result r = {0};
    oracle_deviation d = {0};
    int rank = 0, code = NUMERICS;
    slong prec = 0;
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
    else if (!write_out(o, &in, &r, &d, psd, rank, prec))
        fprintf(stderr, "gref-oracle: cannot write %s\n", o->out == NULL ? "on stdout" : o->out);
    else
        code = OK;
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
