/*
 * What implementations may have in the place of A.
 *
 *   given          A
 *   flipped        A_ij -> A_{m-1-i, n-1-j}: both images turned by 180 degrees, which point-reflects the kernel
 *   column-major   A P^T, P x the image x flattened by columns: A applied to images of the other order
 */
#include <stdlib.h>

#include "dense/internal.h"
#include "literal.h"

void gref_forms_free(gref_forms *f)
{
    free(f->place);
    for (int k = 0; k < GREF_OPERATORS; k++) {
        gref_mat_free(&f->B[k]);
        gref_mat_free(&f->r[k]);
        gref_mat_free(&f->At[k]);
    }
    *f = (gref_forms){0};
}

gref_status gref_forms_new(gref_forms *out, const gref_problem *p, const gref_modes *z)
{
    int n = p->Sigma.n;
    SCOPED(gref_forms) f = {.p = p, .z = z};
    REQUIRE(p->rows * p->cols == n, GREF_ERR_SHAPE, "an image of %d x %d has not %d pixels",
            p->rows, p->cols, n);
    f.place = gref_alloc((size_t)n, sizeof *f.place);
    REQUIRE(f.place != NULL, GREF_ERR_NOMEM, "no memory for %d pixels", n);
    for (int k = 0; k < n; k++)
        f.place[k] = k % p->cols * p->rows + k / p->cols;
    *out = TAKE(f);
    return GREF_OK;
}

void gref_forms_pixels(gref_mat A, const gref_forms *f, gref_operator_form form)
{
    gref_cmat G = gref_const(f->p->A);
    for (int j = 0; j < A.n; j++)
        for (int i = 0; i < A.m; i++) {
            double a = GREF_AT(G, i, j);
            if (form == GREF_OPERATOR_FLIPPED)
                GREF_AT(A, A.m - 1 - i, A.n - 1 - j) = a;
            else
                GREF_AT(A, i, form == GREF_OPERATOR_COLUMN_MAJOR ? f->place[j] : j) = a;
        }
}

gref_status gref_forms_operator(gref_cmat *B, gref_cmat *r, gref_forms *f, gref_operator_form form)
{
    int m = f->p->A.m, n = f->p->A.n;
    SCOPED(gref_mat) A = {0}, made = {0}, rest = {0};
    if (f->B[form].a == NULL) {
        TRY(gref_mat_new(&A, m, n));
        TRY(gref_mat_new(&made, m, n));
        TRY(gref_mat_new(&rest, m, 1));
        gref_forms_pixels(A, f, form);
        TRY(gref_gemm(made, 1.0, gref_const(A), false, gref_const(f->z->U), false, 0.0));
        gref_mat_copy(rest, gref_const(f->p->v));
        TRY(gref_gemv(rest, -1.0, gref_const(A), false, gref_const(f->z->mu), 1.0));
        f->B[form] = TAKE(made);
        f->r[form] = TAKE(rest);
    }
    *B = gref_const(f->B[form]);
    *r = gref_const(f->r[form]);
    return GREF_OK;
}

gref_status gref_forms_adjoint(gref_cmat *At, gref_forms *f, gref_operator_form form)
{
    int m = f->p->A.m, n = f->p->A.n;
    SCOPED(gref_mat) A = {0}, made = {0};
    REQUIRE(m == n, GREF_ERR_SHAPE, "A is %d x %d: it cannot stand for A^T", m, n);
    if (f->At[form].a == NULL) {
        TRY(gref_mat_new(&A, m, n));
        TRY(gref_mat_new(&made, n, m));
        gref_forms_pixels(A, f, form);
        TRY(gref_gemm(made, 1.0, gref_const(f->z->U), true, gref_const(A), false, 0.0));
        f->At[form] = TAKE(made);
    }
    *At = gref_const(f->At[form]);
    return GREF_OK;
}
