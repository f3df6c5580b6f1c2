/* What a golden file says in words of its conventions. */
#include <stdlib.h>
#include <string.h>

#include "base/internal.h"
#include "files/internal.h"
#include "golden_parts.h"
#include "method/method.h"

static const char *const about[][2] = {
    {"images", "flattened row by row: pixel (i, j) of a rows x cols image is entry i cols + j"},
    {"pixels", "image.range of the case gives the values of black and white; sigma, mu, v and W2 "
               "are in that unit"},
    {"time", "step t = T..1 maps y_t to y_{t-1}; schedule arrays have T + 1 entries, entry t "
             "belongs to t; entry 0 is "
             "beta = 0, alpha = 1, abar = 1, sigma2 = 0"},
    {"forward", "alpha_t = 1 - beta_t, abar_t = alpha_1 ... alpha_t, x_t = sqrt(abar_t) x0 + "
                "sqrt(1 - abar_t) eps"},
    {"measurement", "v = A x0 + sigma n, sigma a standard deviation, n standard normal"},
    {"score",
     "of the prior's p_t = N(sqrt(abar_t) mu, Sigma_t), Sigma_t = abar_t Sigma + (1 - abar_t) I: "
     "-Sigma_t^-1 (x - sqrt(abar_t) mu)"},
    {"x0hat", "(x + (1 - abar_t) score)/sqrt(abar_t)"},
    {"guided_score", "score + W^T C_vt^-1 (v - A x0hat), W = A J, J = sqrt(abar_t) Sigma "
                     "Sigma_t^-1; the same whatever "
                     "the placement of the guidance"},
    {"step", "y_{t-1} = M y_t + b + sqrt(N) z_t, N a variance"},
    {"covariances", "of the law itself; nothing is estimated, nothing divided by N or N - 1"},
    {"w2", "the distance, not its square: w2, its mean part, its covariance part"},
    {"trajectory",
     "y_T and z are the same for every sampler, whatever its start law; row k of z is the noise of "
     "step "
     "t = T - k, standard normal, times sqrt(N_t); where N_1 = 0 the last row has no effect"},
    {"probes", "a point a row: two of sqrt(abar_t) x0 + sqrt(1 - abar_t) eps, one of N(0, I), and "
               "sqrt(abar_t) mu"},
};

/* What a row is, where its conventions do not say. */
static const struct {
    const char *name, *likelihood, *guidance;
} rows[] = {
    {"unconditional", "none: v is ignored",
     "none: y_{t-1} = (y_t + beta_t score)/sqrt(alpha_t) + noise"},
    {"dps", "C_vt = sigma^2/alpha I", NULL},
    {"cgdm", "C_vt = (1 - abar_t) A Sigma Sigma_t^-1 A^T + sigma^2 I, the exact one", NULL},
    {"mmps", "C_vt = (1 - abar_t) A Sigma Sigma_t^-1 A^T + sigma^2 I, solved exactly", NULL},
    {"tmpd-full", "C_vt = (1 - abar_t) A Sigma Sigma_t^-1 A^T + sigma^2 I", NULL},
    {"tmpd", "C_vt = diag((1 - abar_t) A Sigma Sigma_t^-1 A^T 1) + sigma^2 I", NULL},
    {"dps-norm", "none: the gradient is of |v - A x0hat|, and sigma is not used",
     "y_{t-1} = (y_t + beta_t score)/sqrt(alpha_t) + noise - zeta grad |v - A x0hat(y_t)|"},
    {"pigdm-code", "none: sigma is not used; singular values up to rank_tol count as 0",
     "after the unguided step: + sqrt(abar_t abar_s) guidance, s the time after t, guidance = J^T "
     "A^+ (v "
     "- A x0hat)"},
    {"pigdm-weighted", "none",
     "after the unguided step: + sqrt(abar_t abar_s) guidance, s the time after t, guidance = J^T "
     "A^T "
     "(A A^T + sigma^2/(1 - abar_t) I)^-1 (v - A x0hat)"},
    {"dps-square", "none: sigma is not used",
     "after the unguided step: + sqrt(abar_t abar_s) guidance, s the time after t, guidance = 2 "
     "alpha J^T "
     "A^T (v - A x0hat)"},
    {"ddnm", "none",
     "none: where the singular value of A is > 0 the data A^+ v stand in x0hat_projected; y_s = "
     "sqrt(abar_s) x0hat_projected + sqrt(1 - eta^2) sqrt(1 - abar_s) eps + noise"},
    {"ddnm+", "none",
     "none: x0hat_projected takes the share l of A^+ v, l = 1 where sqrt(1 - abar_s) >= "
     "sqrt(abar_s) "
     "sigma/s, else s sqrt(1 - eta^2) sqrt(1 - abar_s)/(sqrt(abar_s) sigma); eps where s = 0; s a "
     "singular "
     "value"},
    {"ddrm", "none",
     "none: component by component of V, with sigma_s = sqrt((1 - abar_s)/abar_s): data below, at "
     "and "
     "above sigma_s = sigma/s by Kawar et al. (2022), Theorem 3.2"},
    {"diffpir", "none",
     "none: x0hat_projected = argmin |A u - v|^2 + rho |u - x0hat|^2, rho = rho_scale lambda "
     "sigma^2 "
     "abar_t/(1 - abar_t); y_s = sqrt(abar_s) x0hat_projected + w (y_t - sqrt(abar_t) "
     "x0hat_projected) + "
     "noise, w^2 = (1 - zeta) (1 - abar_s - es^2)/(1 - abar_t), es^2 = eta^2 beta_t (1 - "
     "abar_s)/(1 - "
     "abar_t)"},
};

/* Index of the row in the table; pigdm, which has a text for each r_t^2, is after the last. */
static size_t find(const gref_sampler_spec *spec)
{
    size_t k = 0;
    while (k < sizeof rows / sizeof *rows &&
           gref_row_find(rows[k].name) != gref_row_find(spec->name))
        k++;
    return k;
}

static const char *likelihood_words(const gref_sampler_spec *spec)
{
    size_t k = find(spec);
    if (k < sizeof rows / sizeof *rows)
        return rows[k].likelihood;
    switch (spec->convention.r2) {
    case GREF_R2_1_ABAR_ABAR:
        return "C_vt = r_t^2 A A^T + sigma^2 I, r_t^2 = (1 - abar_t)/abar_t";
    case GREF_R2_1_ABAR_2_ABAR:
        return "C_vt = r_t^2 A A^T + sigma^2 I, r_t^2 = (1 - abar_t)/(2 - abar_t)";
    case GREF_R2_1_ABAR:
        break;
    }
    return "C_vt = r_t^2 A A^T + sigma^2 I, r_t^2 = 1 - abar_t";
}

static const char *guidance_words(const gref_sampler_spec *spec)
{
    size_t k = find(spec);
    if (k < sizeof rows / sizeof *rows && rows[k].guidance != NULL)
        return rows[k].guidance;
    switch (spec->convention.guidance) {
    case GREF_GUIDANCE_MEAN:
        return "on the mean: y_{t-1} = (y_t + beta_t score)/sqrt(alpha_t) + sigma_t^2 W^T C_vt^-1 "
               "(v - A x0hat) + noise, "
               "sigma_t^2 the step's variance before last_noise";
    case GREF_GUIDANCE_AFTER:
        return "after the step: y_{t-1} = (y_t + beta_t score)/sqrt(alpha_t) + noise + 2 zeta W^T "
               "(v - A x0hat); C_vt is "
               "not used";
    case GREF_GUIDANCE_SCORE:
        break;
    }
    return "in the score: y_{t-1} = (y_t + beta_t guided_score)/sqrt(alpha_t) + noise";
}

static const char *ddim_noise_words(gref_eta_on on)
{
    static const char *const words[] = {
        [GREF_ETA_STD] =
            "variance N_t = eta^2 beta~_t, beta~_t = (1 - abar_t/abar_s) (1 - abar_s)/(1 - "
            "abar_t), s the time after t",
        [GREF_ETA_VARIANCE] =
            "variance N_t = eta beta~_t, beta~_t = (1 - abar_t/abar_s) (1 - abar_s)/(1 "
            "- abar_t), s the time after t",
        [GREF_ETA_STATE] = "variance N_t = eta^2 (1 - abar_s), s the time after t"};
    return words[on];
}

static const char *ddpm_noise_words(gref_variance variance)
{
    static const char *const words[] = {
        [GREF_VARIANCE_BETA] = "variance N_t = beta_t",
        [GREF_VARIANCE_BETA_TILDE] =
            "variance N_t = beta~_t = beta_t (1 - abar_{t-1})/(1 - abar_t)",
        [GREF_VARIANCE_FIXED_LARGE] =
            "variance N_t = beta_t, in the last step beta~ of the step before",
        [GREF_VARIANCE_FRACTION] = "variance N_t = exp(f log beta_t + (1 - f) log beta~_t), f the "
                                   "fraction; in the last step beta~ of the step before",
        [GREF_VARIANCE_FILE] = "variance N_t = entry t - 1 of the array variances"};
    return words[variance];
}

static const char *noise_words(const gref_row *row, const gref_convention *c)
{
    static const char *const words[] = {
        [GREF_SCHEME_EM] = "variance N_t = beta_t, beta(time) times the time of the step",
        [GREF_SCHEME_EI] = "variance N_t = abar_s/abar_t - 1, s the time after t",
        [GREF_SCHEME_EULER] = "none",
        [GREF_SCHEME_HEUN] = "none",
        [GREF_SCHEME_RK4] = "none"};
    if (row->n_varies)
        return "N_t is a matrix, V diag(n) V^T, n a function of the singular values of A; z is "
               "multiplied by its symmetric root";
    if (row->x_kept)
        return "variance N_t = zeta (1 - abar_s) + (1 - zeta) es^2, s the time after t";
    if (row->project != NULL)
        return ddim_noise_words(GREF_ETA_STATE);
    return c->scheme == GREF_SCHEME_DDPM   ? ddpm_noise_words(c->variance)
           : c->scheme == GREF_SCHEME_DDIM ? ddim_noise_words(c->eta_on)
                                           : words[c->scheme];
}

/* What a scheme and visited times change in the words of the step; NULL for ddpm through every
 * t. */
static const char *scheme_words(const gref_sampler_spec *spec)
{
    static const char *const words[] = {
        [GREF_SCHEME_DDIM] =
            "ddim: y_s = sqrt(abar_s) x0hat~ + sqrt(1 - abar_s - N_t) eps~ + noise in place of "
            "(y_t + beta_t score)/sqrt(alpha_t) + noise, s the time after t, x0hat~ and eps~ "
            "those of the score that the guidance is in, if it is",
        [GREF_SCHEME_EM] = "em: (1 + beta_t/2) y_t + beta_t score in place of (y_t + beta_t "
                           "score)/sqrt(alpha_t), beta_t = beta(time) times the time of the step",
        [GREF_SCHEME_EI] =
            "ei: p y_t + 2 (p - 1) score in place of (y_t + beta_t score)/sqrt(alpha_t), p "
            "= sqrt(abar_s/abar_t), s the time after t",
        [GREF_SCHEME_EULER] = "euler: of the probability-flow ODE, in the time of schedule/time: "
                              "on vp (1 + beta_t/2) "
                              "y_t + beta_t/2 score, on edm the step of ddim with eta = 0",
        [GREF_SCHEME_HEUN] =
            "heun: of the probability-flow ODE, in the time of schedule/time (Karras et "
            "al. 2022, Algorithm 1); to sigma = 0 euler",
        [GREF_SCHEME_RK4] =
            "rk4: of the probability-flow ODE, in the time of schedule/time, with its midpoints"};
    gref_scheme scheme = spec->convention.scheme;
    if (gref_row_find(spec->name)->project != NULL)
        return NULL;
    if (scheme != GREF_SCHEME_DDPM)
        return words[scheme];
    return spec->n_times > 0 ? "ddpm with alpha_t = abar_t/abar_s, beta_t = 1 - alpha_t, s the "
                               "time after t, which stands for t - 1"
                             : NULL;
}

static const char *start_words(const gref_row *row, const gref_convention *c)
{
    static const char *const words[] = {
        [GREF_START_STANDARD] = "y_T ~ N(0, I)",
        [GREF_START_EXACT] = "y_T ~ the exact p_T(x | v)",
        [GREF_START_NOISE] = "y_T ~ N(0, (1 - abar_T) I)",
        [GREF_START_GIVEN] = "y_T ~ N(start_mean, start_cov); 0 and I where they are not there"};
    bool paper = c->start == GREF_START_PAPER;
    if (!paper && c->start != GREF_START_AUTHORS)
        return words[c->start];
    if (row->authors == GREF_AUTHORS_STANDARD)
        return words[GREF_START_STANDARD];
    if (row->authors == GREF_AUTHORS_PINV)
        return "y_T ~ N(sqrt(abar_T) A^+ v, (1 - abar_T) I)";
    return paper ? "component by component of V, with the noise of the data, divided by sqrt(1 + "
                   "s_T^2), "
                   "s_T^2 = (1 - abar_T)/abar_T"
                 : "component by component of V, with the noise of the data, divided by s_T, s_T^2 "
                   "= (1 - "
                   "abar_T)/abar_T";
}

static json_t *sampler_words(const gref_sampler_spec *spec)
{
    const gref_convention *c = &spec->convention;
    const gref_row *row = gref_row_find(spec->name);
    if (spec->chain != NULL)
        return json_pack("{s:s}", "steps",
                         "given: chain/M, chain/b and chain/N, the first step run at the top; the "
                         "step that leaves t is t - 1 steps before the end");
    bool whole = c->last_noise || row->project != NULL;
    json_t *words =
        json_pack("{s:s, s:s, s:s, s:s, s:s}", "likelihood", likelihood_words(spec), "guidance",
                  guidance_words(spec), "noise", noise_words(row, c), "last step",
                  whole ? "N_1 as at every other t" : "N_1 = 0: no noise at t = 1", "start",
                  start_words(row, c));
    if (scheme_words(spec) != NULL)
        json_object_set_new(words, "scheme", json_string(scheme_words(spec)));
    return words;
}

/* What time is, where it is no index of betas. */
static const char *schedule_words(const gref_schedule *s)
{
    return s->kind == GREF_SCHEDULE_VP
               ? "vp: schedule/time is tau_t on a uniform grid, abar_t = exp(-b0 tau - (b1 - b0) "
                 "tau^2/2), beta_t = beta(tau_t) times the step of the grid; state 0 is at the "
                 "least tau"
           : s->kind == GREF_SCHEDULE_EDM ? "edm: schedule/time is sigma_t, abar_t = 1/(1 + "
                                            "sigma_t^2), y_t = the state over sqrt(1 "
                                            "+ sigma_t^2); state 0 has sigma = 0"
                                          : NULL;
}

/*
 * "about the file", and an object for each label; a label has no space, so the names cannot clash.
 */
json_t *gref_golden_words(const json_t *completed, const gref_golden_inputs *in)
{
    json_t *file = json_object(), *words = json_object();
    for (size_t k = 0; k < sizeof about / sizeof *about; k++)
        json_object_set_new(file, about[k][0], json_string(about[k][1]));
    if (schedule_words(in->schedule) != NULL)
        json_object_set_new(file, "schedule", json_string(schedule_words(in->schedule)));
    const json_t *operator= json_object_get(completed, "operator");
    const char *boundary = json_string_value(json_object_get(operator, "boundary"));
    bool correlates = json_is_true(json_object_get(operator, "correlate"));
    if (boundary != NULL) {
        char *text = gref_format("A is the %s of the image with the kernel, outside the image: %s",
                                 correlates ? "correlation" : "convolution", boundary);
        json_object_set_new(file, "operator", text == NULL ? NULL : json_string(text));
        free(text);
    }
    json_object_set_new(words, "about the file", file);
    for (int k = 0; k < in->n_samplers; k++)
        json_object_set_new(words, in->specs[k].label, sampler_words(&in->specs[k]));
    return words;
}
