/*
 * The covariance part of W2 from covariances: by the map and by factors (map.c, procrustes.c),
 * block by block.
 *
 *   C1, C2   n x n, semi-definite up to the rounding of their entries
 *   d        |C' - C|_F <= d for each C' that rounds to C                           [pixel^2]
 *
 * Where a permutation makes both covariances block-diagonal, W2^2 is the sum over the blocks. Each
 * has a scale and a rank of its own; blocks of order 1 are variances, which need no proof beyond
 * rounding.
 */
#include <math.h>

#include "base/internal.h"
#include "dense/bound.h"
#include "internal.h"
#include <gref/psd.h>

void gref_w2_side_free(gref_w2_side *s)
{
    gref_mat_free(&s->C);
    gref_w2_factor_free(&s->f);
}

gref_status gref_w2_side_of(gref_w2_side *s, gref_cmat C, double u, int e)
{
    int n = C.n;
    TRY(gref_w2_scaled_copy(&s->C, C, n, e));
    double largest = gref_mat_norm_max(gref_const(s->C)), skew = gref_w2_make_symmetric(s->C);
    s->u = u;
    s->d = u * gref_mat_norm_fro(gref_const(s->C)) + n * ldexp(gref_w2_underflow(u), e) + skew;
    s->rounded = u > GREF_U && skew > 2 * GREF_U * (n > 16 ? n : 16) * largest;
    return GREF_OK;
}

gref_status gref_w2_side_require(gref_w2_side *s, const char *name)
{
    gref_cmat C = gref_const(s->C);
    if (s->f.rank == C.n)
        return GREF_OK;
    gref_status status = gref_psd_require(C, name);
    if (status != GREF_ERR_NOT_PSD || !(s->u > GREF_U))
        return status;
    TRY(gref_psd_require_to(C, s->u, name));
    s->rounded = true;
    return gref_w2_truncated_factor(&s->f, C, s->u, false);
}

double gref_w2_side_radius(const gref_w2_side *s)
{
    return gref_w2_input_radius(s->C.n, s->d, s->f.least);
}

/* Intersects; the value is the first one's, moved into the interval if it lies outside. */
gref_status gref_w2_intersect(gref_w2_cov *c, gref_w2_cov other)
{
    REQUIRE(fmax(c->lower, other.lower) <= fmin(c->upper, other.upper), GREF_ERR_NUMERICS,
            "the enclosures [%.17g, %.17g] (map) and [%.17g, %.17g] (factors) of one W2 are "
            "disjoint: the BLAS, the "
            "compiler or the machine is at fault; see gref doctor",
            c->lower, c->upper, other.lower, other.upper);
    c->lower = fmax(c->lower, other.lower);
    c->upper = fmin(c->upper, other.upper);
    c->w = fmin(fmax(c->w, c->lower), c->upper);
    return GREF_OK;
}

void gref_w2_part_rank(gref_w2_part *p, const gref_w2_factor *f1, const gref_w2_factor *f2, int n)
{
    p->rank = f1->rank > f2->rank ? f1->rank : f2->rank;
    p->rank_cost = 0.0;
    if (f1->rank < n)
        p->rank_cost = f1->radius;
    if (f2->rank < n)
        p->rank_cost = gref_inflate(p->rank_cost + f2->radius);
}

/* Map form where both are positive definite, factor form always. */
static gref_status enclose(gref_w2_part *p, gref_w2_side *a, gref_w2_side *b)
{
    gref_status status = GREF_OK;
    gref_cmat C1 = gref_const(a->C), C2 = gref_const(b->C);
    int n = C1.n;
    gref_w2_cov by_factors;
    SCOPED(gref_mat) Q = {0};
    TRY(gref_mat_new(&Q, n, n));
    status = gref_w2_map(&p->cov, Q, &(gref_w2_pair){.C1 = C1, .C2 = C2}, true);
    bool mapped = status == GREF_OK;
    if (status != GREF_ERR_NOT_PD)
        TRY(status);
    /* a narrow map needs no second opinion to the last digit: plain factors, the polar factor as it
     * comes */
    bool narrow = mapped && p->cov.upper - p->cov.lower <= 0x1p-46 * p->cov.upper;
    TRY(gref_w2_factor_of(&a->f, C1, !narrow));
    TRY(gref_w2_factor_of(&b->f, C2, !narrow));
    TRY(gref_w2_side_require(a, "C1"));
    TRY(gref_w2_side_require(b, "C2"));
    bool start = narrow && p->cov.newton && a->f.rank == n && b->f.rank == n;
    TRY(gref_w2_factor_form(&by_factors, &a->f, &b->f, start ? gref_const(Q) : (gref_cmat){0},
                            narrow ? 0 : 1));
    if (mapped)
        TRY(gref_w2_intersect(&p->cov, by_factors));
    else
        p->cov = by_factors;
    p->method = mapped ? "map+factor" : "factor";
    return GREF_OK;
}

/* The value alone: by the map where it exists, else by truncated factors. */
static gref_status evaluate(gref_w2_part *p, gref_w2_side *a, gref_w2_side *b)
{
    gref_status status = GREF_OK;
    p->method = "map";
    a->f.rank = b->f.rank = a->C.n;
    gref_w2_pair pair = {.C1 = gref_const(a->C), .C2 = gref_const(b->C)};
    status = gref_w2_map(&p->cov, (gref_mat){0}, &pair, false);
    if (status != GREF_ERR_NOT_PD)
        return status;
    TRY(gref_w2_truncated_factor(&a->f, gref_const(a->C), GREF_U, false));
    TRY(gref_w2_truncated_factor(&b->f, gref_const(b->C), GREF_U, false));
    TRY(gref_w2_side_require(a, "C1"));
    TRY(gref_w2_side_require(b, "C2"));
    TRY(gref_w2_procrustes(&p->cov, gref_const(a->f.L), gref_const(b->f.L)));
    p->cov.error += a->f.radius + b->f.radius;
    p->method = "factor";
    return GREF_OK;
}

void gref_w2_side_widen(gref_w2_part *p, const gref_w2_side *s, int e)
{
    double radius = gref_inflate(ldexp(gref_w2_side_radius(s), e));
    if (!s->rounded)
        return;
    p->cov.lower = fmax(gref_down(p->cov.lower - radius), 0.0);
    p->cov.upper = gref_up(p->cov.upper + radius);
    p->cov.error += radius;
    p->rounded = true;
}

static gref_status whole(gref_w2_part *p, const gref_w2_law *a, const gref_w2_law *b,
                         bool certified)
{
    SCOPED(gref_w2_side) s1 = {0}, s2 = {0};
    int n = a->C.n, e = gref_w2_exponent(a->C, b->C);
    e += e & 1; /* even: W2 scales by 2^(e/2) */
    *p = (gref_w2_part){0};
    TRY(gref_w2_side_of(&s1, a->C, a->u, -e));
    TRY(gref_w2_side_of(&s2, b->C, b->u, -e));
    TRY(certified ? enclose(p, &s1, &s2) : evaluate(p, &s1, &s2));
    p->cov = gref_w2_identical(a->C, b->C) ? (gref_w2_cov){0} : gref_w2_unscale(p->cov, e / 2, n);
    gref_w2_side_widen(p, &s1, e / 2);
    gref_w2_side_widen(p, &s2, e / 2);
    p->r_in = ldexp(gref_w2_side_radius(&s1) + gref_w2_side_radius(&s2), e / 2);
    gref_w2_part_rank(p, &s1.f, &s2.f, n);
    p->rank_cost = ldexp(p->rank_cost, e / 2);
    return GREF_OK;
}

/* Change of sqrt(x) when x was rounded: |dx| <= max(u x, least). */
static double root_radius(double x, double u, double least)
{
    double d = fmax(u * x, least);
    return x > 0.0 ? d / sqrt(x) : sqrt(d);
}

gref_status gref_w2_variances(gref_w2_part *p, const gref_w2_law *a, const gref_w2_law *b)
{
    SCOPED(gref_mat) d = {0}, r = {0};
    int n = a->C.m;
    double least1 = gref_w2_underflow(a->u), least2 = gref_w2_underflow(b->u);
    TRY(gref_mat_new(&d, n, 1));
    TRY(gref_mat_new(&r, n, 1));
    *p = (gref_w2_part){.method = "spectra"};
    for (int i = 0; i < n; i++) {
        double x = a->C.a[i], y = b->C.a[i];
        /* 4 u relative: difference, two roots and their sum, quotient, between 2^-564 and 2^512 */
        d.a[i] = x == y ? 0.0 : (x - y) / (sqrt(x) + sqrt(y));
        r.a[i] = hypot(root_radius(x, a->u, least1), root_radius(y, b->u, least2));
        p->rank += x > 0.0 || y > 0.0;
    }
    double w = gref_w2_norm(d); /* exact where it is 0 */
    p->cov = (gref_w2_cov){.w = w,
                           .lower = w * (1 - 10 * GREF_U),
                           .upper = w > 0.0 ? gref_up(w * (1 + 10 * GREF_U)) : 0.0};
    p->r_in = gref_w2_norm(r);
    return GREF_OK;
}

static int root_of(int *up, int i)
{
    while (up[i] != i)
        i = up[i] = up[up[i]];
    return i;
}

/* up[i] leads to the least index that entries of C1 or C2 connect with i; the number of such
 * blocks. */
static int connect(int *up, gref_cmat C1, gref_cmat C2)
{
    int count = C1.n;
    for (int i = 0; i < C1.n; i++)
        up[i] = i;
    for (int j = 0; j < C1.n && count > 1; j++)
        for (int i = 0; i < C1.n; i++) {
            int p = root_of(up, i), q = root_of(up, j);
            if (p == q || (GREF_AT(C1, i, j) == 0.0 && GREF_AT(C2, i, j) == 0.0))
                continue;
            up[p > q ? p : q] = p > q ? q : p;
            count--;
        }
    return count;
}

/* The block of `law` with these indices, or their diagonal as variances. */
static gref_status extract(gref_mat *C, gref_w2_law *part, const gref_w2_law *law, const int *index,
                           int size, bool diagonal)
{
    gref_mat_free(C);
    TRY(gref_mat_new(C, size, diagonal ? 1 : size));
    for (int j = 0; j < C->n; j++)
        for (int i = 0; i < size; i++)
            GREF_AT(*C, i, j) = GREF_AT(law->C, index[i], index[diagonal ? i : j]);
    *part = (gref_w2_law){.C = gref_const(*C), .u = law->u};
    return GREF_OK;
}

/* The indices of a block (root r), or all blocks of order 1 (r < 0), the largest variances of C
 * first: Cholesky factors of a graded block then have graded columns too. */
static int members(int *index, int *up, const int *size, gref_cmat C, int r)
{
    int count = 0;
    for (int i = 0; i < C.n; i++) {
        int k = count;
        if (r < 0 ? size[root_of(up, i)] > 1 : root_of(up, i) != r)
            continue;
        for (; k > 0 && GREF_AT(C, index[k - 1], index[k - 1]) < GREF_AT(C, i, i); k--)
            index[k] = index[k - 1];
        index[k] = i;
        count++;
    }
    return count;
}

/* Squares add up; hypot errs by less than an ulp. */
static void add(gref_w2_part *sum, const gref_w2_part *p)
{
    gref_w2_cov *c = &sum->cov;
    double upper = hypot(c->upper, p->cov.upper);
    c->w = hypot(c->w, p->cov.w);
    c->lower = fmax(gref_down(hypot(c->lower, p->cov.lower)), 0.0);
    c->upper = upper > 0.0 ? gref_up(upper) : 0.0;
    c->error = hypot(c->error, p->cov.error);
    sum->r_in = hypot(sum->r_in, p->r_in);
    sum->rank_cost = hypot(sum->rank_cost, p->rank_cost); /* inflated, both */
    sum->rank += p->rank;
    sum->rounded = sum->rounded || p->rounded;
    sum->method = "blocks";
}

/* Block by block; GREF_ERR_NOT_PSD where one of them is semi-definite only beside the others. */
static gref_status by_blocks(gref_w2_part *out, int *up, const gref_w2_law *a, const gref_w2_law *b,
                             bool certified)
{
    int n = a->C.n, parts = 0;
    SCOPED(gref_mat) A = {0}, B = {0};
    SCOPED_MEM int *index = gref_alloc(2 * (size_t)n, sizeof *index);
    gref_w2_part part = {0};
    gref_w2_law p, q;
    REQUIRE(index != NULL, GREF_ERR_NOMEM, "no memory for %d indices", n);
    int *size = index + n;
    for (int i = 0; i < n; i++)
        size[root_of(up, i)]++;
    for (int r = -1; r < n; r++) {
        if (r >= 0 && size[r] < 2)
            continue;
        int m = members(index, up, size, a->C, r);
        if (m == 0)
            continue;
        TRY(extract(&A, &p, a, index, m, r < 0));
        TRY(extract(&B, &q, b, index, m, r < 0));
        for (int i = 0; r < 0 && i < m; i++)
            REQUIRE(A.a[i] >= 0.0 && B.a[i] >= 0.0, GREF_ERR_NOT_PSD, "variance %d is negative",
                    index[i]);
        TRY(r < 0 ? gref_w2_variances(&part, &p, &q) : whole(&part, &p, &q, certified));
        if (!certified) /* of variances, which have a proof */
            part.cov.error = fmax(part.cov.error, part.cov.w * 10 * GREF_U);
        if (parts++ == 0)
            *out = part;
        else
            add(out, &part);
    }
    return GREF_OK;
}

/* Variances of more than 2^40 between the largest and the least. */
static bool is_graded(gref_cmat C)
{
    double least = INFINITY;
    for (int i = 0; i < C.n; i++)
        least = fmin(least, GREF_AT(C, i, i));
    return least > 0.0 && gref_mat_norm_max(C) > 0x1p40 * least;
}

gref_status gref_w2_covariances(gref_w2_part *p, const gref_w2_law *a, const gref_w2_law *b,
                                bool certified)
{
    SCOPED_MEM int *up = gref_alloc((size_t)a->C.n, sizeof *up);
    REQUIRE(up != NULL, GREF_ERR_NOMEM, "no memory for %d indices", a->C.n);
    int count = connect(up, a->C, b->C);
    gref_status status = GREF_ERR_NOT_PSD;
    if (count > 1 || is_graded(a->C))
        status = by_blocks(p, up, a, b, certified);
    if (status == GREF_ERR_NOT_PSD)
        status = whole(p, a, b, certified);
    if (status == GREF_ERR_NOT_PSD) { /* say it of the matrices given, not of their scaled copies */
        TRY(gref_psd_require_to(a->C, a->u, "C1"));
        TRY(gref_psd_require_to(b->C, b->u, "C2"));
        status = GREF_ERR_NOT_PSD;
    }
    return status;
}
