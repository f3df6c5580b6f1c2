/*
 * What the deviants of one problem share: the modes of Sigma, the operators that may stand for A, factors of
 * C_{v|t} that many deviants have in common.
 *
 *   given          A
 *   flipped        A_ij -> A_{m-1-i, n-1-j}: both images turned by 180 degrees, which point-reflects the kernel
 *   column-major   A P^T, P x the image x flattened by columns: A applied to images of the other order
 */
#include <stdlib.h>

#include "base/internal.h"
#include "dense/internal.h"
#include "deviant.h"
#include <gref/psd.h>

void gref_workshop_free(gref_workshop *w)
{
    if (w == NULL)
        return;
    gref_mat_free(&w->U);
    gref_mat_free(&w->lambda);
    gref_mat_free(&w->zmu);
    free(w->place);
    for (int k = 0; k < GREF_OPERATORS; k++) {
        gref_mat_free(&w->B[k]);
        gref_mat_free(&w->At[k]);
        gref_mat_free(&w->Q[k]);
        gref_mat_free(&w->a[k]);
    }
    for (int k = 0; k < GREF_SLOTS; k++)
        gref_mat_free(&w->slot[k].L);
    free(w);
}

gref_status gref_workshop_new(gref_workshop **out_w, const gref_problem *p,
                              const gref_schedule *schedule)
{
    int n = p->Sigma.n;
    double clipped;
    SCOPED_PTR(gref_workshop) *w = gref_alloc(1, sizeof *w);
    REQUIRE(w != NULL, GREF_ERR_NOMEM, "no memory for a diagnosis");
    w->p = p;
    w->schedule = schedule;
    REQUIRE(p->rows * p->cols == n, GREF_ERR_SHAPE, "an image of %d x %d has not %d pixels",
            p->rows, p->cols, n);
    w->place = gref_alloc((size_t)n, sizeof *w->place);
    REQUIRE(w->place != NULL, GREF_ERR_NOMEM, "no memory for a diagnosis");
    for (int k = 0; k < n; k++)
        w->place[k] = k % p->cols * p->rows + k / p->cols;
    TRY(gref_mat_new(&w->U, n, n));
    TRY(gref_mat_new(&w->lambda, n, 1));
    TRY(gref_mat_new(&w->zmu, n, 1));
    TRY(gref_psd_eigh(w->U, w->lambda, &clipped, gref_const(p->Sigma), "Sigma"));
    TRY(gref_gemv(w->zmu, 1.0, gref_const(w->U), true, gref_const(p->mu), 0.0));
    *out_w = TAKE(w);
    return GREF_OK;
}

bool gref_deviant_possible(const gref_workshop *w, const gref_switches *s)
{
    if (s->adjoint_is_A && w->p->A.m != w->p->A.n)
        return false;
    return s->model == GREF_MODEL_DDPM || s->model == GREF_MODEL_CGDM || w->p->sigma > 0.0;
}

/* A of that form, in pixels. */
static void form_operator(gref_mat A, const gref_workshop *w, gref_operator_form form)
{
    gref_cmat G = gref_const(w->p->A);
    for (int j = 0; j < A.n; j++)
        for (int i = 0; i < A.m; i++) {
            double a = GREF_AT(G, i, j);
            if (form == GREF_OPERATOR_FLIPPED)
                GREF_AT(A, A.m - 1 - i, A.n - 1 - j) = a;
            else
                GREF_AT(A, i, form == GREF_OPERATOR_COLUMN_MAJOR ? w->place[j] : j) = a;
        }
}

gref_status gref_workshop_operator(gref_mat *B, gref_workshop *w, gref_operator_form form)
{
    int m = w->p->A.m, n = w->p->A.n;
    SCOPED(gref_mat) A = {0}, made = {0};
    if (w->B[form].a == NULL) {
        TRY(gref_mat_new(&A, m, n));
        TRY(gref_mat_new(&made, m, n));
        form_operator(A, w, form);
        TRY(gref_gemm(made, 1.0, gref_const(A), false, gref_const(w->U), false, 0.0));
        w->B[form] = TAKE(made);
    }
    *B = w->B[form];
    return GREF_OK;
}

gref_status gref_workshop_adjoint(gref_mat *At, gref_workshop *w, gref_operator_form form)
{
    int m = w->p->A.m, n = w->p->A.n;
    SCOPED(gref_mat) A = {0}, made = {0};
    REQUIRE(m == n, GREF_ERR_SHAPE, "A is %d x %d: it cannot stand for A^T", m, n);
    if (w->At[form].a == NULL) {
        TRY(gref_mat_new(&A, m, n));
        TRY(gref_mat_new(&made, n, m));
        form_operator(A, w, form);
        TRY(gref_gemm(made, 1.0, gref_const(w->U), true, gref_const(A), false, 0.0));
        w->At[form] = TAKE(made);
    }
    *At = w->At[form];
    return GREF_OK;
}

gref_status gref_workshop_gram(gref_mat *Q, gref_mat *a, gref_workshop *w, gref_operator_form form)
{
    int m = w->p->A.m;
    double clipped;
    gref_mat B;
    SCOPED(gref_mat) G = {0}, eigenvectors = {0}, eigenvalues = {0};
    if (w->Q[form].a == NULL) {
        TRY(gref_workshop_operator(&B, w, form));
        TRY(gref_mat_new(&G, m, m));
        TRY(gref_mat_new(&eigenvectors, m, m));
        TRY(gref_mat_new(&eigenvalues, m, 1));
        TRY(gref_syrk(G, 1.0, gref_const(B), false, 0.0));
        TRY(gref_psd_eigh(eigenvectors, eigenvalues, &clipped, gref_const(G), "A A^T"));
        w->Q[form] = eigenvectors;
        w->a[form] = eigenvalues;
        eigenvectors = eigenvalues = (gref_mat){0};
    }
    *Q = w->Q[form];
    *a = w->a[form];
    return GREF_OK;
}

gref_status gref_workshop_slot(gref_mat *L, bool *made, gref_workshop *w, int t,
                               const double key[4])
{
    int k = t % GREF_SLOTS;
    if (w->slot[k].L.a == NULL)
        TRY(gref_mat_new(&w->slot[k].L, w->p->A.m, w->p->A.m));
    *made = w->slot[k].made && memcmp(w->slot[k].key, key, sizeof w->slot[k].key) == 0;
    if (!*made)
        w->slot[k].made = false;
    *L = w->slot[k].L;
    return GREF_OK;
}

void gref_workshop_slot_done(gref_workshop *w, int t, const double key[4])
{
    int k = t % GREF_SLOTS;
    memcpy(w->slot[k].key, key, sizeof w->slot[k].key);
    w->slot[k].made = true;
}

gref_status gref_deviant_operator(gref_mat A, const gref_workshop *w, const gref_switches *s)
{
    SCOPED(gref_mat) G = {0};
    TRY(gref_require_shape(gref_const(A), w->p->A.m, w->p->A.n, "A"));
    TRY(gref_mat_new(&G, A.m, A.n));
    form_operator(G, w, s->operator_form);
    for (int j = 0; j < A.n; j++)
        for (int i = 0; i < A.m; i++)
            GREF_AT(A, i, s->column_major ? w->place[j] : j) = GREF_AT(G, i, j);
    return GREF_OK;
}

gref_status gref_deviant_to_modes(gref_mat Z, const gref_workshop *w, const gref_switches *s,
                                  gref_cmat X)
{
    SCOPED(gref_mat) Y = {0};
    if (s->column_major) {
        TRY(gref_mat_new(&Y, X.m, X.n));
        for (int j = 0; j < X.n; j++)
            for (int i = 0; i < X.m; i++)
                GREF_AT(Y, i, j) = GREF_AT(X, w->place[i], j);
        X = gref_const(Y);
    }
    return gref_gemm(Z, 1.0, gref_const(w->U), true, X, false, 0.0);
}

gref_status gref_deviant_to_pixels(gref_mat X, const gref_workshop *w, const gref_switches *s,
                                   gref_cmat Z)
{
    SCOPED(gref_mat) Y = {0};
    TRY(gref_mat_new(&Y, Z.m, Z.n));
    TRY(gref_gemm(Y, 1.0, gref_const(w->U), false, Z, false, 0.0));
    for (int j = 0; j < Z.n; j++)
        for (int i = 0; i < Z.m; i++)
            GREF_AT(X, s->column_major ? w->place[i] : i, j) = GREF_AT(Y, i, j);
    return GREF_OK;
}
