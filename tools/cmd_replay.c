/* gref replay: the samplers of a case on given noise. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cmd.h"
#include "opened.h"

DEFINE_DROP(gref_sampler)
DEFINE_DROP_BY(gref_npz_writer, gref_npz_abandon)

typedef struct {
    const char *noise, *start, *sampler, *out;
    bool every, force, skip_self_test;
    option_list sets;
} request;

static void request_free(request *q)
{
    option_list_free(&q->sets);
}

/* z (T x n, as in a golden file) and y_T; without a start, that of the case's golden file. */
static bool read_noise(gref_mat *z, gref_mat *y_T, int *code, const opened *o, const request *q)
{
    int T = o->s.T, n = o->z.n;
    if (!opened_read(z, NULL, code, "replay", q->noise))
        return false;
    if (z->m != T || z->n != n) {
        *code = cmd_complain(CMD_USAGE, "replay",
                             "%s is %d x %d, the noise of this case is T x n = %d x %d%s", q->noise,
                             z->m, z->n, T, n, z->m == n && z->n == T ? ": transposed" : "");
        return false;
    }
    if (q->start != NULL) {
        if (!opened_read(y_T, NULL, code, "replay", q->start))
            return false;
        if (y_T->m == n && y_T->n == 1)
            return true;
        *code = cmd_complain(CMD_USAGE, "replay", "%s is %d x %d, y_T of this case has %d entries",
                             q->start, y_T->m, y_T->n, n);
        return false;
    }
    gref_status status = gref_mat_new(y_T, n, 1);
    if (status == GREF_OK)
        gref_random_normal(*y_T, GREF_GOLDEN_SEED, GREF_STREAM_START, 0, 0);
    *code = cmd_finish("replay", status);
    return status == GREF_OK;
}

/* True for the t that a golden file of the case has. */
static bool is_golden(const opened *o, int t)
{
    const int *laws_at = NULL;
    int count = gref_case_laws_at(o->c, &laws_at);
    for (int k = 0; k < count; k++)
        if (laws_at[k] == t)
            return true;
    return t == 1 || t == o->s.T;
}

/* |y_0 - mu_post| and |v - A y_0| per entry of the last state y, or where the chain ended or
 * diverged. */
static void print_end(const opened *o, const gref_sampler *s, gref_cmat y, int reached)
{
    const char *label = gref_sampler_get_spec(s)->label;
    int n = o->z.n, m = o->z.m, last = gref_sampler_last(s);
    if (reached > last) {
        printf("%-20s diverged: y_t exceeds 2^450 below t = %d\n", label, reached);
        return;
    }
    if (last > 0) {
        printf("%-20s ends at t = %d\n", label, last);
        return;
    }
    double off = 0.0, residual = 0.0;
    for (int i = 0; i < n; i++) {
        double d = y.a[i] - o->p.mu.a[i];
        for (int k = 0; k < n; k++)
            d -= GREF_AT(o->z.U, i, k) * o->z.d.a[k];
        off += d * d / n;
    }
    for (int i = 0; i < m; i++) {
        double r = o->p.v.a[i];
        for (int k = 0; k < n; k++)
            r -= GREF_AT(o->p.A, i, k) * y.a[k];
        residual += r * r / m;
    }
    printf("%-20s %13.6e %13.6e\n", label, sqrt(off), sqrt(residual));
}

/* The states that were visited; that at t is column T - t of Y. */
static gref_status write_path(gref_npz_writer *npz, const opened *o, const gref_sampler *s,
                              gref_cmat Y, int reached, bool every)
{
    for (int t = gref_sampler_first(s); t >= reached; t = gref_sampler_next(s, t)) {
        char name[96];
        if (!every && !is_golden(o, t))
            continue;
        snprintf(name, sizeof name, "%s/y/%d", gref_sampler_get_spec(s)->label, t);
        TRY(gref_npz_add(npz, name, gref_cmat_view(Y, 0, Y.n - 1 - t, Y.m, 1), 1));
    }
    return GREF_OK;
}

/* As in a golden file, column T - t of the noise drives the step that leaves t; a chain of K < T
 * steps takes the last K. */
static gref_status replay_one(const opened *o, const gref_sampler_spec *spec, gref_cmat y_T,
                              gref_cmat Z, gref_npz_writer *npz, bool every)
{
    SCOPED_PTR(gref_sampler) *s = NULL;
    SCOPED(gref_mat) Y = {0};
    int reached = 0, T = spec->chain != NULL ? spec->chain->K : o->s.T;
    TRY(gref_sampler_new(&s, &o->z, &o->s, spec));
    TRY(gref_mat_new(&Y, o->z.n, T + 1));
    TRY(gref_sampler_replay(Y, &reached, s, y_T, gref_cmat_view(Z, 0, Z.n - T, Z.m, T)));
    if (npz != NULL)
        TRY(write_path(npz, o, s, gref_const(Y), reached, every));
    print_end(o, s, gref_cmat_view(gref_const(Y), 0, T - gref_sampler_last(s), Y.m, 1), reached);
    return GREF_OK;
}

static gref_status replay(const opened *o, const request *q, const gref_sampler_spec *only,
                          gref_mat z, gref_mat y_T)
{
    SCOPED_PTR(gref_npz_writer) *npz = NULL;
    SCOPED(gref_mat) Z = {0};
    TRY(gref_mat_new(&Z, z.n, z.m));
    gref_mat_transpose(Z, gref_const(z));
    if (q->out != NULL) {
        TRY(gref_npz_create(&npz, q->out));
        TRY(gref_npz_add(npz, "z", gref_const(z), 2));
        TRY(gref_npz_add(npz, "y_T", gref_const(y_T), 1));
    }
    printf("%-20s %13s %13s   root mean squares\n", "sampler", "y_0 - mu_post", "v - A y_0");
    for (int k = 0; k < o->n_specs; k++)
        if (only == NULL || only == &o->specs[k])
            TRY(replay_one(o, &o->specs[k], gref_const(y_T), gref_const(Z), npz, q->every));
    return npz != NULL ? gref_npz_finish(TAKE(npz)) : GREF_OK;
}

static int run(const char *path, const request *q)
{
    SCOPED(opened) o = {0};
    SCOPED(gref_mat) z = {0}, y_T = {0};
    int code;
    const gref_sampler_spec *only = NULL;
    CMD_TRY("replay", opened_open(&o, path, &q->sets, q->skip_self_test));
    if (q->sampler != NULL && (only = opened_sampler(&o, &code, "replay", q->sampler)) == NULL)
        return code;
    if (!read_noise(&z, &y_T, &code, &o, q))
        return code;
    for (int k = 0; k < o.n_specs; k++)
        if (o.specs[k].chain != NULL && o.specs[k].chain->K > o.s.T)
            return cmd_complain(CMD_USAGE, "replay", "%s has %d steps, the noise is for T = %d",
                                o.specs[k].label, o.specs[k].chain->K, o.s.T);
    CMD_TRY("replay", replay(&o, q, only, z, y_T));
    cmd_note_skipped("replay", q->skip_self_test);
    return CMD_OK;
}

int cmd_replay(int argc, char **argv)
{
    SCOPED(request) q = {0};
    const option options[] = {
        OPTION_TEXT("noise", "z.npy", &q.noise, "T x n; row k is the noise of step t = T - k"),
        OPTION_TEXT("start", "y_T.npy", &q.start,
                    "n entries; without it, y_T of the case's golden file"),
        OPTION_TEXT("sampler", "LABEL", &q.sampler, "this sampler only"),
        OPTION_TEXT("out", "FILE.npz", &q.out, "write z, y_T and LABEL/y/t at the golden t"),
        OPTION_FLAG("every", &q.every, "LABEL/y/t at every visited t"),
        OPTION_FLAG("force", &q.force, "replace FILE.npz"),
        OPTION_LIST("set", "KEY=VALUE", &q.sets, "override a key of the case; may be repeated"),
        OPTION_FLAG("no-self-test", &q.skip_self_test, "do not test the BLAS first"),
        {0},
    };
    const usage u = {
        .command = "replay",
        .arguments = "CASE --noise z.npy [options]",
        .about =
            "Runs the samplers of a case line by line (score, denoised image, gradient) on noise "
            "that\n"
            "is given, so that another implementation can be compared number by number. The only\n"
            "command for dps-norm, which has no Gaussian law.",
        .options = options,
        .min_operands = 1,
        .max_operands = 1,
    };
    int n, code;
    if (!options_parse(&u, argc, argv, &n, &code))
        return code;
    if (q.noise == NULL)
        return cmd_complain(CMD_USAGE, "replay",
                            "--noise z.npy is missing: T x n standard normal numbers");
    if (q.out != NULL && !q.force && access(q.out, F_OK) == 0)
        return cmd_complain(CMD_USAGE, "replay", "%s exists; --force replaces it", q.out);
    return run(argv[0], &q);
}
