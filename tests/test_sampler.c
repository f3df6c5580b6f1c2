/* What the samplers of THEORY section 6 have in common, and what they refuse. */
#include "method/method.h"
#include "plain.h"
#include "support.h"
#include "toy.h"

#include <math.h>
#include <string.h>

#include <gref/marginal.h>

enum { T = 40 };

/* A problem without data whose prior is the posterior of p: v = 0 through A = 0. */
static gref_problem posterior_as_prior(const gref_problem *p)
{
    int n = p->A.n;
    gref_problem q = {.Sigma = fresh(n, n),
                      .mu = fresh(n, 1),
                      .A = fresh(1, n),
                      .v = fresh(1, 1),
                      .sigma = 1,
                      .rows = n,
                      .cols = 1,
                      .v_rows = 1,
                      .v_cols = 1};
    ck_ok(gref_posterior(q.mu, q.Sigma, gref_const(p->Sigma), gref_const(p->mu), gref_const(p->A),
                         p->sigma, gref_const(p->v)));
    return q;
}

/*
 * THEORY section 6: CGDM is the unconditional DDPM run on the prior N(mu_post, Sigma_post), for
 * every A, sigma and v. The two runs share nothing but the formula of Algorithm 1: the prior of the
 * second comes from the textbook posterior. Bound: Sigma_post is known to c n EPS |Sigma| cond(K)
 * with |Sigma| = 1 and cond(K) below 10 here, and M_t = sqrt(alpha) s_{t-1}/s_t passes it on by at
 * most 1/q_t.
 */
START_TEST(test_cgdm__is_ddpm_on_the_posterior)
{
    gref_schedule s = {0};
    ck_ok(gref_schedule_linear(&s, 0.01, 0.2, T));
    for (int round = 0; round < 6; round++) {
        int n = 6, m = 2 + 2 * round;
        gref_problem p = dense_problem(n, m, 1e2, round % 3, 0.5, 20 + (uint64_t)round);
        gref_problem q = posterior_as_prior(&p);
        gref_modes zp = {0}, zq = {0};
        ck_ok(gref_modes_new(&zp, &p));
        ck_ok(gref_modes_new(&zq, &q));
        gref_sampler_spec cgdm = make_spec("cgdm"), ddpm = make_spec("ddpm");
        gref_sampler *sp = NULL, *sq = NULL;
        ck_ok(gref_sampler_new(&sp, &zp, &s, &cgdm));
        ck_ok(gref_sampler_new(&sq, &zq, &s, &ddpm));
        gref_mat M1 = fresh(n, n), M2 = fresh(n, n), b1 = fresh(n, 1), b2 = fresh(n, 1);
        for (int t = T; t >= 1; t--) {
            double n1, n2, bound = 10 * n * EPS / s.qbar[t];
            ck_ok(gref_sampler_step(M1, b1, &n1, sp, t));
            ck_ok(gref_sampler_step(M2, b2, &n2, sq, t));
            ck_assert_bound("CGDM's M_t against DDPM's",
                            gref_mat_diff_fro(gref_const(M1), gref_const(M2)), bound);
            ck_assert_bound("CGDM's b_t against DDPM's",
                            gref_mat_diff_fro(gref_const(b1), gref_const(b2)), bound);
            ck_assert(n1 == n2);
        }
        gref_mat *all[] = {&M1, &M2, &b1, &b2};
        for (int k = 0; k < 4; k++)
            gref_mat_free(all[k]);
        gref_sampler_free(sp);
        gref_sampler_free(sq);
        gref_modes_free(&zp);
        gref_modes_free(&zq);
        gref_problem_free(&p);
        gref_problem_free(&q);
    }
    gref_schedule_free(&s);
}
END_TEST

/*
 * THEORY section 6: with r_t^2 = 1 - abar_t, PiGDM is CGDM when Sigma = I, because then
 * (1 - abar) Sigma Sigma_t^-1 = 1 - abar. And only then: a mere change of Sigma separates them.
 */
START_TEST(test_pigdm__is_cgdm_for_white_sigma)
{
    gref_schedule s = {0};
    ck_ok(gref_schedule_linear(&s, 0.01, 0.2, T));
    for (int white = 0; white < 2; white++) {
        int n = 6, m = 4;
        gref_problem p = dense_problem(n, m, white ? 1.0 : 3.0, 0, 0.5, 3);
        if (white)
            gref_mat_identity(p.Sigma);
        gref_modes z = {0};
        ck_ok(gref_modes_new(&z, &p));
        gref_sampler_spec a = make_spec("pigdm"), b = make_spec("cgdm");
        gref_sampler *sa = NULL, *sb = NULL;
        ck_ok(gref_sampler_new(&sa, &z, &s, &a));
        ck_ok(gref_sampler_new(&sb, &z, &s, &b));
        gref_mat M1 = fresh(n, n), M2 = fresh(n, n), b1 = fresh(n, 1), b2 = fresh(n, 1);
        double worst = 0, noise;
        for (int t = T; t >= 1; t--) {
            ck_ok(gref_sampler_step(M1, b1, &noise, sa, t));
            ck_ok(gref_sampler_step(M2, b2, &noise, sb, t));
            worst = fmax(worst, gref_mat_diff_fro(gref_const(M1), gref_const(M2)));
            worst = fmax(worst, gref_mat_diff_fro(gref_const(b1), gref_const(b2)));
        }
        if (white)
            ck_assert_bound("PiGDM against CGDM, Sigma = I", worst, 20 * n * EPS);
        else
            ck_assert(worst > 1e-3);
        gref_mat *all[] = {&M1, &M2, &b1, &b2};
        for (int k = 0; k < 4; k++)
            gref_mat_free(all[k]);
        gref_sampler_free(sa);
        gref_sampler_free(sb);
        gref_modes_free(&z);
        gref_problem_free(&p);
    }
    gref_schedule_free(&s);
}
END_TEST

/* |M S - S M|_F / (|M - tr M/n I|_F |S|_F): 0 if they share eigenvectors, of order 1 if
 * unrelated. */
static double commutator(gref_cmat M, gref_cmat S)
{
    gref_mat MS = plain_product(M, false, S, false), SM = plain_product(S, false, M, false);
    gref_mat I = plain_identity(M.n);
    gref_mat D = plain_sum(1, M, -gref_mat_trace(M) / M.n, gref_const(I));
    double c = gref_mat_diff_fro(gref_const(MS), gref_const(SM)) /
               (gref_mat_norm_fro(gref_const(D)) * gref_mat_norm_fro(S));
    gref_mat *all[] = {&MS, &SM, &I, &D};
    for (int k = 0; k < 4; k++)
        gref_mat_free(all[k]);
    return c;
}

/*
 * THEORY section 6: M_t of CGDM shares the eigenvectors of Sigma_post for all t, DPS and PiGDM in
 * general do not. Held by the commutator with Sigma_post, which is zero exactly for shared
 * eigenvectors. It divides the rounding of M, 20 n EPS, by |M - tr M/n I|, which is 1e-2 or more of
 * |M| here.
 */
START_TEST(test_steps__only_cgdm_commutes_with_the_posterior)
{
    int n = 8;
    gref_problem p = dense_problem(n, 5, 1e2, 0, 0.3, 11);
    gref_mat mu = fresh(n, 1), S = fresh(n, n), M = fresh(n, n), b = fresh(n, 1);
    ck_ok(gref_posterior(mu, S, gref_const(p.Sigma), gref_const(p.mu), gref_const(p.A), p.sigma,
                         gref_const(p.v)));
    gref_schedule s = {0};
    gref_modes z = {0};
    ck_ok(gref_schedule_linear(&s, 0.01, 0.2, T));
    ck_ok(gref_modes_new(&z, &p));
    for (int k = 0; gref_sampler_name(k) != NULL; k++) {
        gref_sampler_spec spec = make_spec(gref_sampler_name(k));
        const gref_row *row = gref_row_find(spec.name);
        if (!row->guided || row->rows_summed) /* whose sums are not all positive here */
            continue;
        gref_sampler *sampler = NULL;
        ck_ok(gref_sampler_new(&sampler, &z, &s, &spec));
        for (int t = T; t >= 1; t -= 13) {
            double noise;
            ck_ok(gref_sampler_step(M, b, &noise, sampler, t));
            double c = commutator(gref_const(M), gref_const(S));
            if (row->exact)
                ck_assert_bound("commutator of CGDM", c, 20 * n * EPS * 1e2);
            else
                ck_assert_msg(c > 1e-3, "%s at t = %d commutes: %g", spec.name, t, c);
        }
        gref_sampler_free(sampler);
    }
    gref_mat *all[] = {&mu, &S, &M, &b};
    for (int k = 0; k < 4; k++)
        gref_mat_free(all[k]);
    gref_schedule_free(&s);
    gref_modes_free(&z);
    gref_problem_free(&p);
}
END_TEST

/* Each refusal has its documented status and names the value. */
START_TEST(test_sampler_new__refuses)
{
    gref_problem p = dense_problem(3, 3, 10, 0, 0.5, 1), q = scalar_problem(0, 1, 0, 0, 0);
    gref_schedule s = {0};
    gref_modes z = {0};
    gref_sampler *sampler = NULL;
    ck_ok(gref_schedule_linear(&s, 0.01, 0.2, T));
    ck_ok(gref_modes_new(&z, &p));
    ck_fails(gref_modes_new(&z, &q), GREF_ERR_NOT_PD);
    gref_sampler_spec spec = make_spec("ddim");
    ck_fails(gref_sampler_new(&sampler, &z, &s, &spec), GREF_ERR_RANGE);
    ck_assert_ptr_nonnull(strstr(gref_last_error()->message, "\"ddim\""));
    spec = make_spec("dps");
    spec.convention.alpha_dps = 0;
    ck_fails(gref_sampler_new(&sampler, &z, &s, &spec), GREF_ERR_RANGE);
    spec = make_spec("pigdm");
    spec.convention.guidance = GREF_GUIDANCE_AFTER;
    ck_fails(gref_sampler_new(&sampler, &z, &s, &spec), GREF_ERR_RANGE);
    z.sigma = 0;
    spec = make_spec("dps");
    ck_fails(gref_sampler_new(&sampler, &z, &s, &spec), GREF_ERR_RANGE);
    ck_assert_ptr_null(sampler);
    spec = make_spec("ddpm");
    ck_ok(gref_sampler_new(&sampler, &z, &s, &spec));
    gref_mat M = fresh(3, 3), b = fresh(3, 1);
    double noise;
    ck_fails(gref_sampler_step(M, b, &noise, sampler, 0), GREF_ERR_RANGE);
    ck_fails(gref_sampler_step(M, b, &noise, sampler, T + 1), GREF_ERR_RANGE);
    ck_fails(gref_sampler_step(b, b, &noise, sampler, 1), GREF_ERR_SHAPE);
    ck_fails(gref_likelihood_cov(M, sampler, 1), GREF_ERR_RANGE);
    gref_sampler_free(sampler);
    gref_sampler_free(NULL);
    gref_mat_free(&M);
    gref_mat_free(&b);
    gref_modes_free(&z);
    gref_schedule_free(&s);
    gref_problem_free(&p);
    gref_problem_free(&q);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("sampler");
    TCase *tc = new_tcase(s, "sampler");
    tcase_add_test(tc, test_cgdm__is_ddpm_on_the_posterior);
    tcase_add_test(tc, test_pigdm__is_cgdm_for_white_sigma);
    tcase_add_test(tc, test_steps__only_cgdm_commutes_with_the_posterior);
    tcase_add_test(tc, test_sampler_new__refuses);
    return run_suite(s);
}
