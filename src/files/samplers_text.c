/* `gref samplers`: the tables of rows, schemes and presets as text. */
#include "base/guess.h"
#include "base/json.h"
#include "internal.h"
#include "method/method.h"
#include "method/words.h"

/* "key=value" for every key that the row uses where a case says nothing, on one line. */
static void print_keys(FILE *fp, const gref_row *row)
{
    gref_sampler_spec spec = {.convention = gref_convention_of(row->name)};
    snprintf(spec.name, sizeof spec.name, "%s", row->name);
    if (row->norm)
        spec.convention.guidance = GREF_GUIDANCE_AFTER;
    json_auto_t *keys = row->chain ? json_object() : gref_convention_json(&spec);
    const char *key;
    json_t *value;
    fprintf(fp, "%s", row->chain ? " file=FILE" : row->project == NULL ? " scheme=ddpm" : "");
    json_object_foreach(keys, key, value)
    {
        char shown[GREF_CASE_SHOWN];
        gref_case_show(shown, value);
        if (json_is_string(value))
            fprintf(fp, " %s=%s", key, json_string_value(value));
        else if (row->norm && strcmp(key, "zeta") == 0)
            fprintf(fp, " zeta (no default)");
        else if (strcmp(key, "rank_tol") == 0)
            fprintf(fp, " rank_tol=max(m, n) eps s_1");
        else
            fprintf(fp, " %s=%s", key, shown);
    }
    fputc('\n', fp);
}

/* name and text, which is broken at blanks so that lines keep to 80 columns. */
static void print_line(FILE *fp, const char *name, const char *text)
{
    enum { WIDTH = 67 };
    while (text != NULL && *text != '\0') {
        int length = (int)strlen(text), end = length;
        for (int k = WIDTH; length > WIDTH && end == length && k > 0; k--)
            if (text[k] == ' ')
                end = k;
        fprintf(fp, "  %-10s %.*s\n", name, end, text);
        text += end + (end < length);
        name = "";
    }
}

static void print_row(FILE *fp, const gref_row *row)
{
    const gref_row_words *w = gref_words_of_row(row);
    fprintf(fp, "%s%s%s: %s\n\n", row->name, row->alias != NULL ? ", also " : "",
            row->alias != NULL ? row->alias : "", row->title);
    print_line(fp, "step", w->step);
    print_line(fp, "C_{v|t}", w->C);
    print_line(fp, "fx", w->x);
    print_line(fp, "fe", w->e);
    print_line(fp, "fv", w->v);
    print_line(fp, "fg", w->g);
    print_line(fp, "fn", w->n);
    fprintf(fp, "  %-10s", "keys");
    print_keys(fp, row);
    print_line(fp, "source", row->source);
    print_line(fp, "literature", w->literature);
    if (w->x != NULL)
        fprintf(fp,
                "\nA = W diag(s) V^T, a = abar_t, a' = abar at the next time, k = sqrt(1 - eta^2);"
                "\n%sy' = V fx V^T x0hat + V fe V^T eps + V fv W^T v\n   + J V fg (s^-1 W^T v - "
                "V^T x0hat) + V fn V^T z\n",
                row->project == NULL ? "p, q, N: of the scheme, y' = p y + q score + sqrt(N) z; "
                                       "kappa = q unless guidance says else;\n"
                                     : "");
}

static void print_scheme(FILE *fp, const gref_scheme_words *w)
{
    fprintf(fp, "%s: a scheme\n\n", w->name);
    print_line(fp, "step", w->step);
    print_line(fp, "schedules", w->schedules);
    print_line(fp, "keys", *w->keys != '\0' ? w->keys : "none of its own");
    print_line(fp, "literature", w->literature);
}

static void print_preset(FILE *fp, const gref_preset *p)
{
    fprintf(fp, "%s: a preset, %s\n\n", p->name, p->repository);
    print_line(fp, "samples", p->samples);
    print_line(fp, "keys", p->keys);
    print_line(fp, "schedule", p->schedule);
    print_line(fp, "faults", p->fault != NULL ? p->fault : "none known");
    print_line(fp, "their keys", p->faults);
}

static void print_list(FILE *fp)
{
    const gref_row *row;
    const gref_scheme_words *scheme;
    const gref_preset *preset;
    const gref_absent_words *absent;
    fprintf(fp,
            "Rows, with the keys that they use and their defaults (besides label, target, times,\n"
            "steps and spacing):\n");
    for (int k = 0; (row = gref_row_at(k)) != NULL; k++) {
        fprintf(fp, "  %-14s %s\n  %14s [%s]", row->name, row->title, "", row->source);
        print_keys(fp, row);
    }
    fprintf(fp, "\nSchemes, with the keys that each uses and the schedules it goes with:\n");
    for (int k = 0; (scheme = gref_words_of_scheme(k)) != NULL; k++)
        fprintf(fp, "  %-14s %s (%s)%s%s\n", scheme->name, scheme->step, scheme->schedules,
                *scheme->keys != '\0' ? " " : "", scheme->keys);
    fprintf(fp, "\nPresets, published code by name (\"preset\": NAME in the place of \"name\"):\n");
    for (int k = 0; (preset = gref_preset_at(k)) != NULL; k++)
        fprintf(fp, "  %-20s %s%s\n", preset->name, preset->repository,
                preset->faults != NULL ? ", \"faults\": true" : "");
    fprintf(fp, "\nAbsent:\n");
    for (int k = 0; (absent = gref_words_of_absent(k)) != NULL; k++)
        fprintf(fp, "  %s: %s\n", absent->names, absent->why);
}

/* Everything of that name: "ddpm" is a scheme, and an alias of a row. False, and near names in g, if
 * there is nothing. */
static bool print_named(FILE *fp, const char *name, gref_guess *g)
{
    const gref_row *row = gref_row_find(name);
    const gref_scheme_words *scheme;
    const gref_preset *preset;
    bool found = row != NULL;
    if (row != NULL)
        print_row(fp, row);
    for (int k = 0; gref_row_at(k) != NULL; k++)
        gref_guess_consider(g, gref_row_at(k)->name);
    for (int k = 0; (scheme = gref_words_of_scheme(k)) != NULL; k++) {
        gref_guess_consider(g, scheme->name);
        if (strcmp(scheme->name, name) != 0)
            continue;
        fputs(found ? "\n" : "", fp);
        print_scheme(fp, scheme);
        found = true;
    }
    for (int k = 0; (preset = gref_preset_at(k)) != NULL; k++) {
        gref_guess_consider(g, preset->name);
        if (strcmp(preset->name, name) != 0)
            continue;
        print_preset(fp, preset);
        found = true;
    }
    return found;
}

/**
 * What samplers there are, or what one of them does, as text for people.
 *
 * @param[out] text  freed by the caller. Unchanged on error.
 * @param[in]  name  of a row, its alias, a scheme or a preset; NULL for the tables of all of them.
 * @return GREF_OK; GREF_ERR_RANGE for an unknown name, with one that may have been meant;
 *         GREF_ERR_NOMEM.
 * @see    Tests: tests/cli/samplers.sh
 */
gref_status gref_samplers_text(char **text, const char *name)
{
    SCOPED_MEM char *written = NULL;
    size_t size = 0;
    gref_guess g = {.word = name};
    FILE *fp = open_memstream(&written, &size);
    REQUIRE(fp != NULL, GREF_ERR_NOMEM, "no memory for a list of samplers");
    bool known = name == NULL || print_named(fp, name, &g);
    if (name == NULL)
        print_list(fp);
    bool failed = ferror(fp) != 0;
    failed = fclose(fp) != 0 || failed;
    REQUIRE(!failed, GREF_ERR_NOMEM, "no memory for a list of samplers");
    REQUIRE(known || g.best[0] == '\0', GREF_ERR_RANGE,
            "no sampler is called \"%s\" (did you mean \"%s\"?)", name, g.best);
    REQUIRE(known, GREF_ERR_RANGE, "no sampler is called \"%s\", see gref samplers", name);
    *text = TAKE(written);
    return GREF_OK;
}
