/* gref w2: the distance of two Gaussian laws in files. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <gref/gref.h>

#include "base/json.h"
#include "cmd.h"
#include "options.h"

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* W2 between whose least and largest value an uncertified result lies, if its estimate of errors
 * holds. */
static void vouched(double *least, double *most, const gref_w2 *w)
{
    *least = hypot(w->w2_mean, fmax(w->w2_cov - w->error, 0.0)) * (1 - 0x1p-50);
    *most = hypot(w->w2_mean, w->w2_cov + w->error) * (1 + 0x1p-50);
}

static double error_of(const gref_w2 *w)
{
    double least, most;
    vouched(&least, &most, w);
    return fmax(w->w2 - least, most - w->w2);
}

static int print_json(const gref_w2 *w, int n, double seconds, bool tested)
{
    gref_backend b = gref_backend_query();
    json_t *o = json_object();
    json_object_set_new(o, "schema", json_string("gref-w2/1"));
    json_object_set_new(o, "w2", number(w->w2));
    json_object_set_new(o, "w2_squared", number(w->w2 * w->w2));
    json_object_set_new(o, "w2_mean", number(w->w2_mean));
    json_object_set_new(o, "w2_cov", number(w->w2_cov));
    json_object_set_new(o, "lower", w->certified ? number(w->lower) : json_null());
    json_object_set_new(o, "upper", w->certified ? number(w->upper) : json_null());
    json_object_set_new(o, "r_in", w->certified ? number(w->r_in) : json_null());
    json_object_set_new(o, "error", w->certified ? json_null() : number(error_of(w)));
    json_object_set_new(o, "rounding_in_interval", json_boolean(w->rounded));
    json_object_set_new(o, "method", json_string(w->method));
    json_object_set_new(o, "rank", json_integer(w->rank));
    json_object_set_new(o, "rank_cost", number(w->rank_cost));
    json_object_set_new(o, "certified", json_boolean(w->certified));
    json_object_set_new(o, "n", json_integer(n));
    json_object_set_new(o, "seconds", number(seconds));
    json_object_set_new(o, "version", json_string(gref_version()));
    json_object_set_new(
        o, "blas",
        json_pack("{s:s, s:s, s:i}", "name", b.blas, "core", b.core, "threads", b.threads));
    json_object_set_new(o, "self_test", json_string(tested ? "passed" : "skipped"));
    return cmd_print("w2", json_text(o));
}

/* As many digits as all between the two share; what follows says what they are. */
static void print_digits(const char *label, double least, double most, const char *text)
{
    char digits[40];
    if (gref_proven_digits(digits, sizeof digits, least, most, 17) == 0)
        strcpy(digits, isinf(most) ? "overflows a double" : "-");
    printf("%-16s %s%s\n", label, digits, digits[0] == '-' ? "   (no digit)" : text);
}

/* A value without a proof: no digit more than it vouches for. */
static void print_value(const gref_w2 *w, bool fid)
{
    double least, most;
    vouched(&least, &most, w);
    print_digits("W2", least, most,
                 "   (digits vouched for by an estimate of rounding, not proved)");
    print_digits("W2^2", least * least, most * most, fid ? "   = FID" : "");
    print_digits("mean part", w->w2_mean * (1 - 0x1p-50), w->w2_mean * (1 + 0x1p-50), "");
    print_digits("covariance part", fmax(w->w2_cov - w->error, 0.0), w->w2_cov + w->error, "");
}

static void print_proof(const gref_w2 *w, bool fid)
{
    char digits[40];
    if (gref_proven_digits(digits, sizeof digits, w->lower, w->upper, 17) > 0)
        printf("W2               %s   (digits proved)\n", digits);
    else
        printf("W2               %.16e   (no digit proved: see the interval)\n", w->w2);
    if (gref_proven_digits(digits, sizeof digits, nextafter(w->lower * w->lower, 0.0),
                           nextafter(w->upper * w->upper, INFINITY), 17) > 0)
        printf("W2^2             %s%s\n", digits, fid ? "   = FID" : "");
    else if (isinf(w->w2 * w->w2))
        printf("W2^2             overflows a double\n");
    else
        printf("W2^2             %.16e%s\n", w->w2 * w->w2, fid ? "   = FID" : "");
    printf("mean part        %.16e\ncovariance part  %.16e\n", w->w2_mean, w->w2_cov);
    printf("interval         [%.17g, %.17g], relative width %.1e\n", w->lower, w->upper,
           w->upper > 0 ? (w->upper - w->lower) / w->upper : 0.0);
    printf("r_in             %.1e, how far laws that round to these files may lie\n", w->r_in);
}

static void print_text(const gref_w2 *w, bool fid, int n, double seconds, bool tested)
{
    if (w->certified)
        print_proof(w, fid);
    else
        print_value(w, fid);
    if (w->rounded)
        printf("rounding         a covariance is symmetric and semi-definite only up to the "
               "rounding of its "
               "file; %s all that round to it\n",
               w->certified ? "the interval holds" : "the digits are those of");
    printf("method           %s, rank %d of %d; %.2f s\n", w->method, w->rank, n, seconds);
    if (w->rank_cost > 0.0)
        printf("rank             what lies beyond rank %d, taken as 0, may move W2 by %.1e%s\n",
               w->rank, w->rank_cost, w->certified ? " (in the interval)" : "");
    if (!tested)
        printf("self-test        skipped: the BLAS was not tested\n");
}

static int run(const char *path1, const char *path2, bool fast, bool json, bool progress,
               bool self_test)
{
    SCOPED(gref_law) a = {0}, b = {0};
    gref_w2 w = {0};
    double start = now();
    if (self_test)
        CMD_TRY("w2", gref_trust_require());
    CMD_TRY("w2", gref_law_read(&a, path1));
    CMD_TRY("w2", gref_law_read(&b, path2));
    if (progress || (isatty(STDERR_FILENO) != 0 && a.mean.m >= 512))
        fprintf(stderr, "gref w2: n = %d, %s\n", a.mean.m,
                fast ? "value only" : "with a proof: 100 to 165 products");
    CMD_TRY("w2", gref_law_w2(&w, &a, &b, fast));
    if (json)
        return print_json(&w, a.mean.m, now() - start, self_test);
    print_text(&w, a.fid && b.fid, a.mean.m, now() - start, self_test);
    return CMD_OK;
}

int cmd_w2(int argc, char **argv)
{
    bool fast = false, json = false, progress = false, no_self_test = false;
    const option options[] = {
        OPTION_FLAG("fast", &fast, "the value alone, without a proof"),
        OPTION_FLAG("json", &json, "print JSON"),
        OPTION_FLAG("no-self-test", &no_self_test,
                    "do not test the BLAS first; the output says so"),
        OPTION_FLAG("progress", &progress, "say on stderr what is being done"),
        {0},
    };
    const usage u = {
        .command = "w2",
        .arguments = "LAW1 LAW2 [options]",
        .about =
            "Computes the 2-Wasserstein distance of two Gaussian laws, with a proved interval.\n"
            "A law is an .npz with mean and one of cov, factor (n x r) or variances (in a\n"
            "basis that both laws share), or with mu and sigma (the statistics of FID tools:\n"
            "FID is W2^2); or a .npy covariance, with mean 0. A covariance that is symmetric\n"
            "but for rounding counts as (C + C^T)/2, and r_in covers the difference. Rounding is\n"
            "that of the file's dtype: float32 statistics may have an eigenvalue below 0, and\n"
            "then the interval holds all that rounds to the file. --fast prints the digits\n"
            "that an estimate of its rounding errors leaves, and no more. Of a\n"
            "covariance against a factor, and of variances, the value comes with its proof\n"
            "also by --fast.",
        .options = options,
        .min_operands = 2,
        .max_operands = 2,
    };
    int n, code;
    if (!options_parse(&u, argc, argv, &n, &code))
        return code;
    return run(argv[0], argv[1], fast, json, progress, !no_self_test);
}
