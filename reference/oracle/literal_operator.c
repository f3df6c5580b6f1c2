/*
 * A from the words of the case, in balls: each operator by its definition as a sum over pixels.
 *
 *   k     kernel, kh x kw, centre (kh/2, kw/2)       r   factor of super-resolution
 *   A     m x n; row i v_cols + j is the measurement at (i, j), column p cols + q the pixel at (p, q)
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "oracle.h"

/* What the builders share. */
typedef struct {
    const oracle_inputs *in;
    const json_t *words;
    slong prec;
    int terms; /* most weights that meet in one entry of A */
} context;

static arb_ptr at(const arb_mat_t C, int i, int j)
{
    return arb_mat_entry(C, i, j);
}

static double number(const context *c, const char *key)
{
    return json_number_value(json_object_get(c->words, key));
}

static const char *word(const context *c, const char *key)
{
    return json_string_value(json_object_get(c->words, key));
}

/* exp(-(a^2 + b^2)/(2 std^2)), normalised. */
static void gaussian_kernel(arb_mat_t k, const context *c)
{
    int half = (int)arb_mat_nrows(k) / 2;
    arb_t s, sum;
    arb_init(s);
    arb_init(sum);
    arb_set_d(s, number(c, "std"));
    arb_mul(s, s, s, c->prec);
    arb_mul_si(s, s, -2, c->prec);
    for (int a = -half; a <= half; a++)
        for (int b = -half; b <= half; b++) {
            arb_ptr x = at(k, a + half, b + half);
            arb_set_si(x, a * a + b * b);
            arb_div(x, x, s, c->prec);
            arb_exp(x, x, c->prec);
            arb_add(sum, sum, x, c->prec);
        }
    arb_mat_scalar_div_arb(k, k, sum, c->prec);
    arb_clear(s);
    arb_clear(sum);
}

/* max(0, 1 - |x|): the bilinear weight of a pixel at distance x along one axis, without a case
 * split. */
static void hat(arb_t y, const arb_t x, int pixel, slong prec)
{
    arb_t zero;
    arb_init(zero);
    arb_sub_si(y, x, pixel, prec);
    arb_abs(y, y);
    arb_sub_ui(y, y, 1, prec);
    arb_neg(y, y);
    arb_max(y, y, zero, prec);
    arb_clear(zero);
}

/* (row, col) = (-sin, cos) of an angle in degrees; exact at multiples of 90. */
static void direction(arb_t row, arb_t col, double angle, slong prec)
{
    static const int cosines[] = {1, 0, -1, 0};
    double turn = fmod(fmod(angle, 360.0) + 360.0, 360.0);
    if (fmod(angle, 90.0) == 0.0) {
        int quarter = (int)(turn / 90.0) % 4;
        arb_set_si(col, cosines[quarter]);
        arb_set_si(row, -cosines[(quarter + 3) % 4]);
        return;
    }
    arb_t x;
    arb_init(x);
    arb_set_d(x, angle);
    arb_div_ui(x, x, 180, prec);
    arb_sin_cos_pi(row, col, x, prec);
    arb_neg(row, row);
    arb_clear(x);
}

/* The mean of the bilinear weights of 16 length + 1 equally spaced points of the centred
 * segment. */
static void motion_kernel(arb_mat_t k, const context *c)
{
    int half = (int)arb_mat_nrows(k) / 2;
    double length = number(c, "length");
    int points = (int)round(16.0 * length) + 1;
    arb_t row, col, s, x, y, z;
    arb_ptr all[] = {row, col, s, x, y, z};
    for (int i = 0; i < 6; i++)
        arb_init(all[i]);
    direction(row, col, number(c, "angle"), c->prec);
    for (int j = 0; j < points; j++) {
        arb_zero(s); /* length (j/(points - 1) - 1/2) */
        if (points > 1) {
            arb_set_d(s, length);
            arb_mul_si(s, s, 2 * j - (points - 1), c->prec);
            arb_div_si(s, s, 2 * (points - 1), c->prec);
        }
        for (int a = -half; a <= half; a++)
            for (int b = -half; b <= half; b++) {
                arb_mul(z, s, row, c->prec);
                hat(x, z, a, c->prec);
                arb_mul(z, s, col, c->prec);
                hat(y, z, b, c->prec);
                arb_addmul(at(k, a + half, b + half), x, y, c->prec);
            }
    }
    arb_mat_scalar_div_si(k, k, points, c->prec);
    for (int i = 0; i < 6; i++)
        arb_clear(all[i]);
}

/* Where numpy.pad takes the value at place p of an axis 0..L-1 from; -1: it is 0. */
static int padded(int p, int L, const char *boundary)
{
    if (p >= 0 && p < L)
        return p;
    if (strcmp(boundary, "zero") == 0)
        return -1;
    if (strcmp(boundary, "replicate") == 0)
        return p < 0 ? 0 : L - 1;
    if (strcmp(boundary, "periodic") == 0)
        return padded(p < 0 ? p + L : p - L, L, boundary);
    if (strcmp(boundary, "symmetric") == 0)
        return padded(p < 0 ? -1 - p : 2 * L - 1 - p, L, boundary);
    if (L == 1) /* "reflect": the edge is not repeated */
        return 0;
    return padded(p < 0 ? -p : 2 * (L - 1) - p, L, boundary);
}

/* The most of k places around one pixel of an axis that see the same pixel. */
static int meeting(int k, int L, const char *boundary)
{
    int most = 1;
    for (int i = 0; i < L; i++)
        for (int p = 0; p < L; p++) {
            int count = 0;
            for (int a = -(k / 2); a <= k / 2; a++)
                count += padded(i + a, L, boundary) == p;
            most = count > most ? count : most;
        }
    return most;
}

/* (A x)(i, j) = sum k[a, b] x(i - (a - ca), j - (b - cb)), or with both signs turned by
 * "correlate". */
static void convolution(arb_mat_t A, const arb_mat_t k, context *c)
{
    int rows = c->in->rows, cols = c->in->cols, kh = (int)arb_mat_nrows(k),
        kw = (int)arb_mat_ncols(k);
    const char *boundary = word(c, "boundary");
    bool valid = strcmp(boundary, "valid") == 0;
    int sign = json_is_true(json_object_get(c->words, "correlate")) ? -1 : 1, l = 0;
    c->terms = valid ? 1 : meeting(kh, rows, boundary) * meeting(kw, cols, boundary);
    for (int i = valid ? kh / 2 : 0; i < (valid ? rows - kh / 2 : rows); i++)
        for (int j = valid ? kw / 2 : 0; j < (valid ? cols - kw / 2 : cols); j++, l++)
            for (int a = 0; a < kh; a++)
                for (int b = 0; b < kw; b++) {
                    int p = padded(i - sign * (a - kh / 2), rows, boundary);
                    int q = padded(j - sign * (b - kw / 2), cols, boundary);
                    if (p >= 0 && q >= 0)
                        arb_add(at(A, l, p * cols + q), at(A, l, p * cols + q), at(k, a, b),
                                c->prec);
                }
}

/* Keys's cubic with a = -1/2 at the rational t/s. */
static void keys(arb_t y, int t, int s, slong prec)
{
    arb_t x;
    arb_init(x);
    arb_set_si(x, abs(t));
    arb_div_si(x, x, s, prec);
    int near = abs(t) <= s; /* 3/2 x^3 - 5/2 x^2 + 1, then -1/2 x^3 + 5/2 x^2 - 4 x + 2 */
    arb_mul_si(y, x, near ? 3 : -1, prec);
    arb_add_si(y, y, near ? -5 : 5, prec);
    arb_mul(y, y, x, prec);
    arb_sub_si(y, y, near ? 0 : 8, prec);
    arb_mul(y, y, x, prec);
    arb_add_si(y, y, near ? 2 : 4, prec);
    arb_mul_2exp_si(y, y, -1);
    if (abs(t) >= 2 * s)
        arb_zero(y);
    arb_clear(x);
}

/* Weight of pixel p, any integer, in low-resolution pixel i of one axis, before normalisation. */
static void axis_weight(arb_t y, const char *filter, int r, int i, int p, slong prec)
{
    if (strcmp(filter, "none") == 0)
        arb_set_si(y, p == r * i);
    else if (strcmp(filter, "box") == 0)
        arb_set_si(y, p >= r * i && p < r * i + r);
    else /* bicubic, centred at r i + (r - 1)/2, stretched by r */
        keys(y, 2 * (p - r * i) - (r - 1), 2 * r, prec);
}

/* D: L/r x L, rows normalised, periodic. */
static void axis_matrix(arb_mat_t D, const context *c, int r)
{
    int L = (int)arb_mat_ncols(D);
    arb_t y, sum;
    arb_init(y);
    arb_init(sum);
    for (int i = 0; i < L / r; i++) {
        arb_zero(sum);
        for (int p = r * i - 3 * r; p <= r * i + 3 * r; p++) {
            axis_weight(y, word(c, "filter"), r, i, p, c->prec);
            arb_add(sum, sum, y, c->prec);
            arb_ptr d = at(D, i, ((p % L) + L) % L);
            arb_add(d, d, y, c->prec);
        }
        for (int p = 0; p < L; p++)
            arb_div(at(D, i, p), at(D, i, p), sum, c->prec);
    }
    arb_clear(y);
    arb_clear(sum);
}

static void super_resolution(arb_mat_t A, const context *c)
{
    int rows = c->in->rows, cols = c->in->cols, r = (int)number(c, "factor");
    arb_mat_t D, E;
    arb_mat_init(D, rows / r, rows);
    arb_mat_init(E, cols / r, cols);
    axis_matrix(D, c, r);
    axis_matrix(E, c, r);
    for (int l = 0; l < c->in->m; l++)
        for (int p = 0; p < c->in->n; p++)
            arb_mul(at(A, l, p), at(D, l / (cols / r), p / cols), at(E, l % (cols / r), p % cols),
                    c->prec);
    arb_mat_clear(D);
    arb_mat_clear(E);
}

/* Is pixel p kept? Among "keep", those with the k smallest numbers, k = round(keep n), at least
 * 1. */
static bool kept(const context *c, int p)
{
    const oracle_inputs *in = c->in;
    const json_t *box = json_object_get(c->words, "box");
    if (in->operator_file.a != NULL)
        return in->operator_file.a[p] != 0.0;
    if (box != NULL) {
        int b[4], i = p / in->cols, j = p % in->cols;
        for (int k = 0; k < 4; k++)
            b[k] = (int)json_integer_value(json_array_get(box, (size_t)k));
        return !(i >= b[0] && i < b[0] + b[2] && j >= b[1] && j < b[1] + b[3]);
    }
    int before = 0, k = (int)round(number(c, "keep") * in->n);
    for (int q = 0; q < in->n; q++)
        before +=
            in->uniform.a[q] < in->uniform.a[p] || (in->uniform.a[q] == in->uniform.a[p] && q < p);
    return before < (k > 0 ? k : 1);
}

/* Rows of the identity at the kept pixels. */
static bool inpainting(arb_mat_t A, const context *c)
{
    int l = 0;
    for (int p = 0; p < c->in->n; p++)
        if (kept(c, p) && l < c->in->m)
            arb_one(at(A, l++, p));
    return l == c->in->m;
}

/* A blur by its kernel: from formula or file. */
static void blur(arb_mat_t A, context *c, const char *kind)
{
    arb_mat_t k;
    int h = c->in->operator_file.rows, w = c->in->operator_file.cols;
    if (strcmp(kind, "gaussian_blur") == 0)
        h = w = (int)number(c, "size");
    else if (strcmp(kind, "motion_blur") == 0)
        h = w = (int)ceil(number(c, "length") + 2.0) | 1; /* odd, at least length + 2 */
    arb_mat_init(k, h, w);
    if (strcmp(kind, "gaussian_blur") == 0)
        gaussian_kernel(k, c);
    else if (strcmp(kind, "motion_blur") == 0)
        motion_kernel(k, c);
    else
        oracle_mat_set_doubles(k, &c->in->operator_file);
    convolution(A, k, c);
    arb_mat_clear(k);
}

bool oracle_literal_operator(arb_mat_t A, int *terms, const oracle_inputs *in,
                             const void *operator_object, slong prec)
{
    context c = {in, operator_object, prec, 1};
    const char *kind = word(&c, "kind");
    bool done = true;
    if (strcmp(kind, "identity") == 0)
        arb_mat_one(A);
    else if (strcmp(kind, "super_resolution") == 0)
        super_resolution(A, &c);
    else if (strcmp(kind, "inpainting") == 0)
        done = inpainting(A, &c);
    else if (strcmp(kind, "matrix") == 0)
        oracle_mat_set_doubles(A, &in->operator_file);
    else
        blur(A, &c, kind);
    *terms = c.terms;
    return done;
}
