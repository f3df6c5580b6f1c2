/*
 * The file gref-oracle/1: provenance, inputs to the bit, outputs as decimals with a radius.
 *
 *   mid      30 significant digits; 0 where the enclosure holds 0
 *   radius   |exact - mid| <= radius for every entry of the array, rounding to 30 digits included
 *
 * Nothing here depends on the day, the machine or the number of threads: the same case gives the
 * same bytes.
 */
#include <stdlib.h>
#include <string.h>

#include <mpfr.h> /* before arf.h would want it */

#include "oracle.h"
#include "sha256.h"

#define DIGITS 30

/* The midpoint as a decimal, trailing zeros cut off: "-1.25e+00". */
static void decimal(char text[96], const arb_t x)
{
    mpfr_t y;
    slong bits = arf_bits(arb_midref(x));
    snprintf(text, 96, "0");
    if (arb_contains_zero(x))
        return;
    mpfr_init2(y, bits < 2 ? 2 : (mpfr_prec_t)bits);
    arf_get_mpfr(y, arb_midref(x), MPFR_RNDN);
    mpfr_snprintf(text, 96, "%.*Re", DIGITS - 1, y);
    mpfr_clear(y);
    char *e = strchr(text, 'e'), *last = e - 1;
    while (*last == '0' && last[-1] != '.')
        last--;
    memmove(last + 1, e, strlen(e) + 1);
}

/* radius <- max(radius, |x - text|), rounded up. */
static void widen(mag_t radius, const arb_t x, const char *text, slong prec)
{
    arb_t d;
    mag_t error;
    arb_init(d);
    mag_init(error);
    arb_set_str(d, text, prec + 128);
    arb_sub(d, x, d, prec + 128);
    arb_get_mag(error, d);
    mag_max(radius, radius, error);
    arb_clear(d);
    mag_clear(error);
}

static void print_mag(FILE *fp, const mag_t x)
{
    arf_t y;
    mpfr_t z;
    char text[64] = "0";
    arf_init_set_mag_shallow(y, x);
    mpfr_init2(z, 64);
    arf_get_mpfr(z, y, MPFR_RNDU);
    if (!mag_is_zero(x))
        mpfr_snprintf(text, sizeof text, "%.2RUe", z);
    fprintf(fp, "\"%s\"", text);
    mpfr_clear(z);
}

static void print_entry(FILE *fp, const oracle_entry *e, slong prec, bool last)
{
    slong rows = arb_mat_nrows(e->value), cols = arb_mat_ncols(e->value);
    char text[96];
    mag_t radius;
    mag_init(radius);
    fprintf(fp, "    \"%s\": {", e->name);
    if (!e->scalar)
        fprintf(fp, "\"rows\": %ld, \"cols\": %ld, \"storage\": \"%s\", ", rows, cols,
                e->symmetric ? "lower" : "full");
    fprintf(fp, e->scalar ? "\"mid\": " : "\"mid\": [");
    for (slong i = 0; i < rows; i++) {
        slong end = e->symmetric ? i + 1 : cols;
        for (slong j = 0; j < end; j++) {
            decimal(text, arb_mat_entry(e->value, i, j));
            widen(radius, arb_mat_entry(e->value, i, j), text, prec);
            fprintf(fp, "%s\"%s\"%s", j == 0 && !e->scalar ? "\n      " : "", text,
                    e->scalar || (i == rows - 1 && j == end - 1) ? "" : ",");
        }
    }
    fprintf(fp, e->scalar ? ", \"radius\": " : "],\n      \"radius\": ");
    print_mag(fp, radius);
    fprintf(fp, "}%s\n", last ? "" : ",");
    mag_clear(radius);
}

static bool print_doubles(FILE *fp, const char *name, const oracle_doubles *x, bool symmetric,
                          const char *more)
{
    char hash[65];
    if (!oracle_sha256_doubles(hash, x->a, (size_t)x->rows * (size_t)x->cols))
        return false;
    fprintf(fp,
            "    \"%s\": {\"rows\": %d, \"cols\": %d, \"storage\": \"%s\", \"sha256\": \"%s\"%s,\n "
            "     \"hex\": [",
            name, x->rows, x->cols, symmetric ? "lower" : "full", hash, more);
    for (int i = 0; i < x->rows; i++) {
        int end = symmetric ? i + 1 : x->cols;
        for (int j = 0; j < end; j++)
            fprintf(fp, "%s\"%a\"%s", j == 0 && (x->cols > 1 || i % 8 == 0) ? "\n      " : "",
                    x->a[i * x->cols + j], i == x->rows - 1 && j == end - 1 ? "" : ",");
    }
    fprintf(fp, "]},\n");
    return true;
}

static void print_samplers(FILE *fp, const oracle_inputs *in)
{
    static const char *const guidance[] = {"score", "mean", "after"};
    static const char *const r2[] = {"1-abar", "(1-abar)/abar", "(1-abar)/(2-abar)"};
    fprintf(fp, "    \"samplers\": [");
    for (int k = 0; k < in->n_samplers; k++) {
        const oracle_sampler *d = in->samplers + k;
        fprintf(fp,
                "%s\n      {\"label\": \"%s\", \"name\": \"%s\", \"guidance\": \"%s\", \"zeta\": "
                "\"%a\",\n",
                k > 0 ? "," : "", d->label, d->name, guidance[d->guidance], d->zeta);
        fprintf(fp,
                "       \"variance\": \"%s\", \"last_noise\": %s, \"start\": \"%s\", \"r2\": "
                "\"%s\", \"alpha\": \"%a\"}",
                d->beta_tilde ? "beta_tilde" : "beta", d->last_noise ? "true" : "false",
                d->exact_start ? "exact" : "standard", r2[d->r2], d->alpha);
    }
    fprintf(fp, "],\n    \"at\": [");
    for (int k = 0; k < in->n_at; k++)
        fprintf(fp, "%s%d", k > 0 ? ", " : "", in->at[k]);
    fprintf(fp, "]\n");
}

/* The completed case, moved to the right. */
static void print_case(FILE *fp, const char *text)
{
    size_t length = strlen(text);
    while (length > 0 && text[length - 1] == '\n')
        length--;
    for (size_t i = 0; i < length; i++)
        fprintf(fp, text[i] == '\n' ? "\n    " : "%c", text[i]);
}

bool oracle_print(FILE *fp, const oracle_inputs *in, const oracle_result *r,
                  const oracle_deviation *d, int psd, int rank, double rel, slong prec)
{
    char more[96];
    fprintf(fp, "{\n  \"schema\": \"gref-oracle/1\",\n  \"provenance\": {\n");
    fprintf(fp, "    \"program\": \"gref-oracle %s\", \"flint\": \"%s\", \"arb\": \"%s\",\n",
            ORACLE_VERSION, flint_version, arb_version);
    fprintf(fp, "    \"precision\": %ld, \"rel_radius\": %g,\n    \"case\": ", prec, rel);
    print_case(fp, in->case_text);
    fprintf(fp,
            "\n  },\n  \"inputs\": {\n    \"n\": %d, \"m\": %d, \"T\": %d, \"sigma\": \"%a\",\n",
            in->n, in->m, in->T, in->sigma);
    snprintf(more, sizeof more, ", \"deviation\": %.2g, \"psd\": %s, \"rank\": %d", d->Sigma,
             psd ? "true" : "false", rank);
    bool done = print_doubles(fp, "Sigma", &in->Sigma, true, more);
    snprintf(more, sizeof more, ", \"deviation\": %.2g", d->mu);
    done = done && print_doubles(fp, "mu", &in->mu, false, more);
    snprintf(more, sizeof more, ", \"deviation\": %.2g", d->A);
    done = done && print_doubles(fp, "A", &in->A, false, more) &&
           print_doubles(fp, "v", &in->v, false, "") &&
           print_doubles(fp, "beta", &in->beta, false, "");
    print_samplers(fp, in);
    fprintf(fp, "  },\n  \"outputs\": {\n");
    for (int k = 0; k < r->n; k++)
        print_entry(fp, r->entries + k, prec, k == r->n - 1);
    fprintf(fp, "  }\n}\n");
    return done && !ferror(fp);
}
