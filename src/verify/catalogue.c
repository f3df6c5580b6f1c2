/*
 * The catalogue of deviations: one row each. A row sets switches of the literal step
 * (diffusion/literal.c); two rows of one group exclude each other. Sources: published code and its
 * issues, as collected in the project's notes on samplers in the wild; "textbook" marks the slips
 * that any implementation can make.
 */
#include "internal.h"

#define ROW_SETS(function, ...)                                                                    \
    static void function(gref_switches *s, const gref_problem *p)                                  \
    {                                                                                              \
        (void)p;                                                                                   \
        __VA_ARGS__;                                                                               \
    }

ROW_SETS(guidance_score, s->convention.guidance = GREF_GUIDANCE_SCORE)
ROW_SETS(guidance_mean, s->convention.guidance = GREF_GUIDANCE_MEAN)
ROW_SETS(guidance_after, s->convention.guidance = GREF_GUIDANCE_AFTER)
ROW_SETS(no_guidance, s->guidance_factor = 0.0)
ROW_SETS(guidance_sign, s->guidance_factor = -1.0)
ROW_SETS(guidance_x2, s->guidance_factor = 2.0)
ROW_SETS(guidance_half, s->guidance_factor = 0.5)
ROW_SETS(guidance_sqrt2, s->guidance_factor = 1.4142135623730950488)
ROW_SETS(guidance_over_sqrt2, s->guidance_factor = 0.70710678118654752440)
ROW_SETS(guidance_over_sigma, s->guidance_factor = p->sigma > 0.0 ? 1.0 / p->sigma : 1.0)
ROW_SETS(guidance_sqrt_abar, s->guidance_root = 1)
ROW_SETS(guidance_sqrt_abars, s->guidance_root = 2)
ROW_SETS(guidance_unscaled, s->guidance_unscaled = true)
ROW_SETS(norm_for_square, s->norm = true)
ROW_SETS(variance_beta, s->convention.variance = GREF_VARIANCE_BETA)
ROW_SETS(variance_beta_tilde, s->convention.variance = GREF_VARIANCE_BETA_TILDE)
ROW_SETS(last_noise_added, s->convention.last_noise = true)
ROW_SETS(last_noise_left_out, s->convention.last_noise = false)
ROW_SETS(no_noise, s->no_noise = true)
ROW_SETS(noise_x2, s->noise_factor = 4.0)
ROW_SETS(noise_half, s->noise_factor = 0.25)
ROW_SETS(noise_sqrt2, s->noise_factor = 2.0)
ROW_SETS(noise_over_sqrt2, s->noise_factor = 0.5)
ROW_SETS(noise_variance_for_std, s->noise_variance_for_std = true)
ROW_SETS(N_as_std, s->noise_reported_as_std = true)
ROW_SETS(r2_1_abar, s->convention.r2 = GREF_R2_1_ABAR)
ROW_SETS(r2_abar, s->convention.r2 = GREF_R2_1_ABAR_ABAR)
ROW_SETS(r2_2_abar, s->convention.r2 = GREF_R2_1_ABAR_2_ABAR)
ROW_SETS(r2_not_squared, s->r2_form = GREF_R2_FORM_ROOT)
ROW_SETS(r2_beta, s->r2_form = GREF_R2_FORM_BETA)
ROW_SETS(likelihood_dps, s->row = gref_row_find("dps"))
ROW_SETS(likelihood_pigdm, s->row = gref_row_find("pigdm"))
ROW_SETS(likelihood_cgdm, s->row = gref_row_find("cgdm"))
ROW_SETS(sigma_not_squared, s->sigma2_form = 1)
ROW_SETS(sigma_unused, s->sigma2_form = 2)
ROW_SETS(sigma_fourth, s->sigma2_form = 3)
ROW_SETS(sigma_x2, s->sigma_factor = 2.0)
ROW_SETS(sigma_half, s->sigma_factor = 0.5)
ROW_SETS(sigma_x255, s->sigma_factor = 255.0)
ROW_SETS(sigma_over_255, s->sigma_factor = 1.0 / 255.0)
ROW_SETS(sigma_x127, s->sigma_factor = 127.5)
ROW_SETS(sigma_over_127, s->sigma_factor = 1.0 / 127.5)
ROW_SETS(score_sign, s->score_sign = -1.0)
ROW_SETS(score_alpha, s->score_alpha = true)
ROW_SETS(score_is_eps, s->score_is_eps = true)
ROW_SETS(denoiser_alpha, s->denoiser_alpha = true)
ROW_SETS(denoiser_abar, s->denoiser_abar = true)
ROW_SETS(denoiser_unscaled, s->denoiser_unscaled = true)
ROW_SETS(step_abar, s->root = GREF_ROOT_ABAR)
ROW_SETS(step_unscaled, s->root = GREF_ROOT_NONE)
ROW_SETS(step_alpha, s->root = GREF_ROOT_NOT_TAKEN)
ROW_SETS(t_late, s->beta_shift = s->abar_shift = 1)
ROW_SETS(t_early, s->beta_shift = s->abar_shift = -1)
ROW_SETS(abar_late, s->abar_shift = 1)
ROW_SETS(abar_early, s->abar_shift = -1)
ROW_SETS(beta_late, s->beta_shift = 1)
ROW_SETS(beta_early, s->beta_shift = -1)
ROW_SETS(diffusion_x2, s->convention.fault = GREF_FAULT_DIFFUSION_X2)
ROW_SETS(previous_t, s->convention.fault = GREF_FAULT_PREVIOUS_T)
ROW_SETS(A_for_AT, s->adjoint_is_A = true)
ROW_SETS(kernel_flipped, s->operator_form = GREF_OPERATOR_FLIPPED)
ROW_SETS(A_column_major, s->operator_form = GREF_OPERATOR_COLUMN_MAJOR)
ROW_SETS(column_major, s->column_major = true)
ROW_SETS(start_exact, s->convention.start = GREF_START_EXACT)
ROW_SETS(start_standard, s->convention.start = GREF_START_STANDARD)
ROW_SETS(cov_as_root, s->cov_as_root = true)
ROW_SETS(w2_squared, s->w2_squared = true)
ROW_SETS(biased_cov, s->biased_cov = true)
ROW_SETS(single_precision, s->single = true)

#define TEXTBOOK "textbook slip"

const gref_catalogue_entry gref_catalogue[] = {
    {{"guidance-score", "coefficient of the guidance", "guided-diffusion, condition_score",
      "the guidance is added to the score, so its coefficient is beta_t/sqrt(alpha_t)"},
     "placement",
     guidance_score},
    {{"guidance-mean", "coefficient of the guidance", "guided-diffusion, condition_mean",
      "the guidance is added to the mean with sigma_t^2, as condition_mean does, not to the score"},
     "placement",
     guidance_mean},
    {{"guidance-after", "coefficient of the guidance, C_{v|t} = I", "DPS, authors' code",
      "a constant step on |v - A x0hat|^2 follows the unconditional step (guidance \"after\")"},
     "placement",
     guidance_after},
    {{"no-guidance", "guidance", TEXTBOOK, "the guidance is missing: v has no effect"},
     "guidance-factor",
     no_guidance},
    {{"guidance-sign", "guidance", TEXTBOOK,
      "the guidance has the wrong sign: A x0hat - v for v - A x0hat"},
     "guidance-factor",
     guidance_sign},
    {{"guidance-x2", "guidance, factor 2", "a port of DPS",
      "the guidance is twice too large: the gradient of |r|^2, where that of |r|^2/2 belongs"},
     "guidance-factor",
     guidance_x2},
    {{"guidance-half", "guidance, factor 1/2", "restoration libraries",
      "the guidance is half of what it should be: a 1/2 too many in the log-likelihood"},
     "guidance-factor",
     guidance_half},
    {{"guidance-sqrt2", "guidance, factor sqrt 2", "one library's sqrt(m/2)",
      "the guidance is too large by sqrt 2"},
     "guidance-factor",
     guidance_sqrt2},
    {{"guidance-over-sqrt2", "guidance, factor 1/sqrt 2", "the same library's documentation",
      "the guidance is too small by sqrt 2"},
     "guidance-factor",
     guidance_over_sqrt2},
    {{"guidance-over-sigma", "guidance, factor 1/sigma", TEXTBOOK,
      "the guidance is divided by sigma once too often"},
     "guidance-factor",
     guidance_over_sigma},
    {{"guidance-sqrt-abar", "guidance, factor sqrt(abar_t)", "PiGDM, the paper's coefficient",
      "the guidance carries the factor sqrt(abar_t) of the PiGDM paper"},
     "guidance-root",
     guidance_sqrt_abar},
    {{"guidance-sqrt-abar-abar", "guidance, factor sqrt(abar_{t-1} abar_t)", "PiGDM, code",
      "the guidance carries the factor sqrt(abar_{t-1} abar_t) of PiGDM's code"},
     "guidance-root",
     guidance_sqrt_abars},
    {{"guidance-unscaled", "coefficient of the guidance", TEXTBOOK,
      "the guidance misses the 1/sqrt(alpha_t) of the step: its coefficient is beta_t"},
     "guidance-unscaled",
     guidance_unscaled},
    {{"norm-for-square", "guidance, divided by |v - A x0hat|", "DPS, authors' code",
      "the gradient of the norm |v - A x0hat| is taken, where half its square belongs; the step is "
      "then not affine"},
     "norm",
     norm_for_square},
    {{"variance-beta", "N", "DDPM, sigma_t^2 = beta_t",
      "the step noise has variance beta_t, not beta~_t"},
     "variance",
     variance_beta},
    {{"variance-beta-tilde", "N", "DDPM, the posterior variance",
      "the step noise has variance beta~_t = beta_t (1 - abar_{t-1})/(1 - abar_t), not beta_t"},
     "variance",
     variance_beta_tilde},
    {{"last-noise-added", "N at t = 1", TEXTBOOK, "noise is added in the last step, t = 1"},
     "last",
     last_noise_added},
    {{"last-noise-left-out", "N at t = 1", "most samplers",
      "no noise is added in the last step, t = 1"},
     "last",
     last_noise_left_out},
    {{"no-noise", "N", TEXTBOOK, "no noise is added in any step"}, "noise-factor", no_noise},
    {{"noise-x2", "N, factor 4", TEXTBOOK, "the noise of the step is twice too large"},
     "noise-factor",
     noise_x2},
    {{"noise-half", "N, factor 1/4", TEXTBOOK,
      "the noise of the step is half of what it should be"},
     "noise-factor",
     noise_half},
    {{"noise-sqrt2", "N, factor 2", TEXTBOOK,
      "the noise of the step is too large by sqrt 2: 2 beta_t for beta_t"},
     "noise-factor",
     noise_sqrt2},
    {{"noise-over-sqrt2", "N, factor 1/2", "a port of DDRM",
      "the noise of the step is divided by sqrt 2: real and imaginary part share it"},
     "noise-factor",
     noise_over_sqrt2},
    {{"noise-variance-for-std", "N", TEXTBOOK,
      "z is multiplied by the variance sigma_t^2, not by sigma_t"},
     "noise-power",
     noise_variance_for_std},
    {{"N-as-std", "N as reported", TEXTBOOK,
      "N is given as a standard deviation; it is the variance here"},
     "noise-report",
     N_as_std},
    {{"r2-1-abar", "r_t^2 of PiGDM", "PiGDM, the VP form of this file format",
      "r_t^2 = 1 - abar_t"},
     "r2",
     r2_1_abar},
    {{"r2-abar", "r_t^2 of PiGDM", "published code",
      "r_t^2 = (1 - abar_t)/abar_t: the form for x/sqrt(abar_t)"},
     "r2",
     r2_abar},
    {{"r2-2-abar", "r_t^2 of PiGDM", "published code",
      "r_t^2 = (1 - abar_t)/(2 - abar_t): the posterior variance under a unit prior"},
     "r2",
     r2_2_abar},
    {{"r2-not-squared", "r_t^2 of PiGDM", TEXTBOOK, "r_t stands where r_t^2 belongs"},
     "r2-form",
     r2_not_squared},
    {{"r2-beta", "r_t^2 of PiGDM", TEXTBOOK, "r_t^2 = beta_t"}, "r2-form", r2_beta},
    {{"likelihood-dps", "C_{v|t}", "DPS", "C_{v|t} is that of DPS, sigma^2/alpha I"},
     "model",
     likelihood_dps},
    {{"likelihood-pigdm", "C_{v|t}", "PiGDM", "C_{v|t} is that of PiGDM, r_t^2 A A^T + sigma^2 I"},
     "model",
     likelihood_pigdm},
    {{"likelihood-cgdm", "C_{v|t}", "CGDM, moment matching",
      "C_{v|t} is the exact one, (1 - abar_t) A Sigma Sigma_t^-1 A^T + sigma^2 I"},
     "model",
     likelihood_cgdm},
    {{"sigma-not-squared", "C_{v|t}", TEXTBOOK,
      "sigma stands where sigma^2 belongs: 1/sigma for 1/sigma^2"},
     "sigma-form",
     sigma_not_squared},
    {{"sigma-unused", "C_{v|t}", "DPS, authors' code", "sigma is not used: 1 stands for sigma^2"},
     "sigma-form",
     sigma_unused},
    {{"sigma-fourth", "C_{v|t}", TEXTBOOK, "the variance sigma^2 is squared again"},
     "sigma-form",
     sigma_fourth},
    {{"sigma-x2", "sigma", "sigma for [0, 1] used in [-1, 1], or the reverse",
      "sigma is twice too large: it was converted from [0, 1] to [-1, 1], but is in units of [-1, "
      "1] already"},
     "sigma-factor",
     sigma_x2},
    {{"sigma-half", "sigma", "sigma for [0, 1] used in [-1, 1]",
      "sigma is half of what it should be: it is in units of [0, 1], the images are in [-1, 1]"},
     "sigma-factor",
     sigma_half},
    {{"sigma-x255", "sigma", "8-bit pixels", "sigma is in units of [0, 255], the images in [0, 1]"},
     "sigma-factor",
     sigma_x255},
    {{"sigma-over-255", "sigma", "8-bit pixels", "sigma was divided by 255, the images were not"},
     "sigma-factor",
     sigma_over_255},
    {{"sigma-x127.5", "sigma", "8-bit pixels",
      "sigma is in units of [0, 255], the images in [-1, 1]"},
     "sigma-factor",
     sigma_x127},
    {{"sigma-over-127.5", "sigma", "8-bit pixels",
      "sigma was divided by 127.5, the images were not"},
     "sigma-factor",
     sigma_over_127},
    {{"score-sign", "score", TEXTBOOK, "the score has the wrong sign: eps for -eps"},
     "score-sign",
     score_sign},
    {{"score-alpha", "score", "notation: alpha_t for abar_t",
      "the score uses alpha_t, the product abar_t belongs there"},
     "score",
     score_alpha},
    {{"score-eps", "score", "networks that predict eps",
      "eps is used as the score: the score is -eps/sqrt(1 - abar_t)"},
     "score-eps",
     score_is_eps},
    {{"denoiser-alpha", "x0hat", "notation: alpha_t for abar_t",
      "Tweedie's formula uses alpha_t, the product abar_t belongs there"},
     "denoiser",
     denoiser_alpha},
    {{"denoiser-abar", "x0hat", "DDNM+, abar for sqrt(abar)",
      "x0hat is divided by abar_t, not by sqrt(abar_t)"},
     "denoiser",
     denoiser_abar},
    {{"denoiser-unscaled", "x0hat", TEXTBOOK, "x0hat misses the 1/sqrt(abar_t)"},
     "denoiser",
     denoiser_unscaled},
    {{"step-abar", "1/sqrt(alpha_t) of the step", "notation: alpha_t for abar_t",
      "the step is divided by sqrt(abar_t), the per-step sqrt(alpha_t) belongs there"},
     "root",
     step_abar},
    {{"step-unscaled", "1/sqrt(alpha_t) of the step", TEXTBOOK,
      "the step misses its 1/sqrt(alpha_t)"},
     "root",
     step_unscaled},
    {{"step-alpha", "1/sqrt(alpha_t) of the step", TEXTBOOK,
      "the step is divided by alpha_t, not by sqrt(alpha_t)"},
     "root",
     step_alpha},
    {{"t-late", "t", "0-based tables",
      "t is one too large everywhere: beta and abar are read at t + 1"},
     "shift",
     t_late},
    {{"t-early", "t", "0-based tables",
      "t is one too small everywhere: beta and abar are read at t - 1"},
     "shift",
     t_early},
    {{"abar-late", "abar_t", "0-based tables", "abar is read at t + 1, beta at t"},
     "shift",
     abar_late},
    {{"abar-early", "abar_t", "0-based tables", "abar is read at t - 1 (abar_prev), beta at t"},
     "shift",
     abar_early},
    {{"beta-late", "beta_t", "0-based tables", "beta is read at t + 1, abar at t"},
     "shift",
     beta_late},
    {{"beta-early", "beta_t", "0-based tables", "beta is read at t - 1, abar at t"},
     "shift",
     beta_early},
    {{"diffusion-x2", "score and N of scheme em", "deepinv, VP SDE",
      "g^2 is 2 beta(t), twice too large, in the drift's score and in the noise"},
     "fault",
     diffusion_x2},
    {{"previous-t", "a' of scheme ddim", "diffusers, timestep_spacing linspace and trailing",
      "the step takes for a' the abar at t - T/K, K the number of steps, not at the next visited "
      "t"},
     "fault",
     previous_t},
    {{"A-for-AT", "guidance", TEXTBOOK, "A is applied where its adjoint A^T belongs"},
     "adjoint",
     A_for_AT},
    {{"kernel-flipped", "A", "convolution and correlation",
      "the kernel is flipped: correlation for convolution, or the reverse (conv2d of the networks "
      "correlates)"},
     "operator",
     kernel_flipped},
    {{"A-column-major", "A", "MATLAB, Fortran order",
      "A works on images flattened by columns, the rest by rows"},
     "operator",
     A_column_major},
    {{"column-major", "every image", "MATLAB, Fortran order",
      "images are flattened by columns; here pixel (i, j) is entry i * cols + j"},
     "order",
     column_major},
    {{"start-exact", "y_T", "this project's \"exact\" start",
      "y_T has the exact law p_T(x | v), not N(0, I)"},
     "start",
     start_exact},
    {{"start-standard", "y_T", "every sampler", "y_T ~ N(0, I), not the exact p_T(x | v)"},
     "start",
     start_standard},
    {{"cov-as-root", "covariances as reported", TEXTBOOK,
      "the covariance is given as its symmetric square root"},
     "cov-report",
     cov_as_root},
    {{"w2-squared", "W2 as reported", "libraries that return W2^2 as the distance",
      "W2 is given as its square"},
     "w2-report",
     w2_squared},
    {{"cov-over-N", "covariances estimated from samples", "divisor N (ddof = 0)",
      "the sample covariance has the divisor N, the unbiased one has N - 1"},
     "cov-report",
     biased_cov},
    {{"float32", "precision", "networks' default", "the values are right to single precision only"},
     "precision",
     single_precision},
};
const int gref_catalogue_size = sizeof gref_catalogue / sizeof *gref_catalogue;

/** Row k of the catalogue, or NULL outside. */
const gref_deviation *gref_catalogue_row(int k)
{
    return k >= 0 && k < gref_catalogue_size ? &gref_catalogue[k].row : NULL;
}
