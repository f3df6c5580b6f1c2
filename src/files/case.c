/*
 * Case files: loading, printing, and what a case hands out.
 *
 * A case goes through five stages: the JSON text is parsed; overrides are applied to the parsed
 * tree; samplers that name a preset get its keys; the tree is checked against the schema while a second, completed tree is built; rules that
 * tie keys together are checked on the completed tree. Whatever goes wrong is said in one line with
 * the place: the case file and line of the key, or the override that set it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

/** Frees a case; accepts NULL. */
void gref_case_free(gref_case *c)
{
    if (c == NULL)
        return;
    for (int k = 0; k < c->n_sets; k++) {
        free(c->sets[k].text);
        free(c->sets[k].key);
    }
    free(c->sets);
    free(c->path);
    free(c->dir);
    free(c->text);
    json_decref(c->given);
    json_decref(c->completed);
    gref_schedule_free(&c->schedule);
    for (int k = 0; k < c->n_samplers; k++) {
        free(c->owned[k].times);
        gref_chain_free(&c->owned[k].chain);
        gref_mat_free(&c->owned[k].variances);
        gref_mat_free(&c->owned[k].start_mean);
        gref_mat_free(&c->owned[k].start_cov);
    }
    free(c->owned);
    free(c->samplers);
    free(c->laws_at);
    free(c);
}

/* The whole file, which may be a pipe, with a NUL behind it. */
static gref_status read_text(char **text, size_t *length, const char *path)
{
    SCOPED_MEM char *buffer = NULL;
    size_t room = 0, used = 0;
    SCOPED_FILE *fp = fopen(path, "rb");
    REQUIRE(fp != NULL, GREF_ERR_IO, "%s: cannot be read: %s", path, strerror(errno));
    do {
        if (room - used < 4096) {
            room = 2 * room + 16384;
            char *larger = realloc(buffer, room);
            REQUIRE(larger != NULL, GREF_ERR_NOMEM, "no memory for the text of %s", path);
            buffer = larger;
        }
        errno = 0;
        used += fread(buffer + used, 1, room - used - 1, fp);
    } while (!feof(fp) && !ferror(fp));
    REQUIRE(!ferror(fp), GREF_ERR_IO, "%s: cannot be read: %s", path, strerror(errno));
    buffer[used] = '\0';
    *text = TAKE(buffer);
    *length = used;
    return GREF_OK;
}

static gref_status parse(gref_case *c, size_t length)
{
    json_error_t error = {0};
    c->given = json_loadb(c->text, length, JSON_REJECT_DUPLICATES, &error);
    if (c->given == NULL) {
        for (char *p = error.text; *p != '\0'; p++)
            if ((unsigned char)*p < ' ')
                *p = ' ';
        FAIL(GREF_ERR_CASE, "%s:%d:%d: %s", c->path, error.line, error.column, error.text);
    }
    return GREF_OK;
}

/**
 * Loads, checks and completes a case.
 *
 * An override that changes a "kind" (of a sampler, "name") drops keys of the old kind that mean
 * nothing or something else in the new one; one that sets an inpainting's "mask", "box" or "keep"
 * drops the other two. Keys set by any override are never dropped.
 *
 * @param[out] c       owned by the caller; gref_case_free. Unchanged on error.
 * @param[in]  path    the JSON file; relative file names inside are relative to its folder.
 * @param[in]  sets    overrides "key.path=value", applied in order; elements of lists by index, one
 *                     past the last appends.
 * @param[in]  n_sets  their number; `sets` may be NULL when it is 0.
 * @return GREF_OK; GREF_ERR_CASE for anything wrong in the case, said in one line that begins with
 *         "path:line:" or "--set KEY=VALUE:"; GREF_ERR_IO for a case file that cannot be read;
 *         what gref_npy_read and gref_schedule_from_betas say of a schedule file; GREF_ERR_NOMEM.
 * @see    Tests: test_case.c, test_case_refusals.c
 */
gref_status gref_case_load(gref_case **out_case, const char *path, const char *const *sets,
                           int n_sets)
{
    size_t length = 0;
    SCOPED_PTR(gref_case) *c = gref_alloc(1, sizeof *c);
    REQUIRE(c != NULL, GREF_ERR_NOMEM, "no memory for a case");
    c->path = gref_strdup(path);
    c->dir = gref_format("%.*s", gref_folder_length(path), path);
    REQUIRE(c->path != NULL && c->dir != NULL, GREF_ERR_NOMEM, "no memory for a case");
    TRY(read_text(&c->text, &length, path));
    TRY(parse(c, length));
    TRY(gref_case_override_all(c, sets, n_sets));
    TRY(gref_case_expand_presets(c));
    TRY(gref_case_complete(c));
    TRY(gref_case_check_rules(c));
    *out_case = TAKE(c);
    return GREF_OK;
}

json_t *gref_case_completed(const gref_case *c)
{
    return c->completed;
}

/* Writes value as JSON: objects one key a line, lists of plain values on one line. False if not. */
static bool print_value(FILE *fp, json_t *value, int depth)
{
    bool object = json_is_object(value);
    bool nested = object || json_is_object(json_array_get(value, 0));
    if (!nested)
        return json_dumpf(value, fp, JSON_ENCODE_ANY | JSON_REAL_PRECISION(17)) == 0;
    fputs(object ? "{\n" : "[\n", fp);
    const char *key;
    json_t *item;
    bool done = true;
    size_t k, left = object ? json_object_size(value) : json_array_size(value);
    if (object) {
        json_object_foreach(value, key, item)
        {
            fprintf(fp, "%*s\"%s\": ", 2 * (depth + 1), "", key);
            done = print_value(fp, item, depth + 1) && done;
            fputs(--left > 0 ? ",\n" : "\n", fp);
        }
    } else {
        json_array_foreach(value, k, item)
        {
            fprintf(fp, "%*s", 2 * (depth + 1), "");
            done = print_value(fp, item, depth + 1) && done;
            fputs(--left > 0 ? ",\n" : "\n", fp);
        }
    }
    fprintf(fp, "%*s%c", 2 * depth, "", object ? '}' : ']');
    return done;
}

/**
 * The completed case as JSON text with a final newline; the caller frees it. NULL without memory.
 *
 * Every key that has a value is there, in the order of the schema, doubles with 17 significant
 * digits; file names stand as written. Loading the text from the same folder gives the same text.
 * Left out are "image.crop" and "prior.shape" where the case does not have them (their defaults
 * depend on files), "conventions.zeta" where nothing needs it, and a sampler's conventions that are
 * those of "conventions".
 */
char *gref_case_print(const gref_case *c)
{
    char *text = NULL;
    size_t size = 0;
    FILE *fp = open_memstream(&text, &size);
    if (fp == NULL)
        return NULL;
    json_auto_t *shown = json_copy(c->completed);
    if (gref_case_is(c, "operator", "none")) {
        json_object_del(shown, "noise"); /* that of case_complete.c, which nobody gave */
        json_object_del(shown, "observation");
    }
    bool done = print_value(fp, shown, 0);
    fputc('\n', fp);
    done = done && !ferror(fp);
    if (fclose(fp) != 0 || !done) {
        free(text);
        return NULL;
    }
    return text;
}

/**
 * The case's schedule. A schedule file was read when the case was loaded.
 *
 * @param[out] s  owned by the caller; gref_schedule_free. Unchanged on error.
 * @return GREF_OK; GREF_ERR_NOMEM.
 */
gref_status gref_case_schedule(gref_schedule *s, const gref_case *c)
{
    return gref_schedule_copy(s, &c->schedule);
}

/** Number of samplers, at least 1; *specs lives as long as the case. */
int gref_case_samplers(const gref_case *c, const gref_sampler_spec **specs)
{
    *specs = c->samplers;
    return c->n_samplers;
}

/** By "target" of the entry; without it true where the operator is "none". */
bool gref_case_targets_prior(const gref_case *c, int k)
{
    const json_t *entry = json_array_get(json_object_get(c->completed, "samplers"), (size_t)k);
    const char *own = json_string_value(json_object_get(entry, "target"));
    return own != NULL ? strcmp(own, "prior") == 0 : gref_case_is(c, "operator", "none");
}

/** Number of times at which laws are reported; *t, strictly decreasing, lives with the case. */
int gref_case_laws_at(const gref_case *c, const int **t)
{
    *t = c->laws_at;
    return c->n_laws_at;
}

/** Distances are reported at every multiple of this, >= 1. */
int gref_case_w2_every(const gref_case *c)
{
    return c->w2_every;
}
