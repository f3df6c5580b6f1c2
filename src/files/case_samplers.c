/* The samplers of a case: effective conventions of each, and a label that is its own. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "internal.h"
#include "method/method.h"

/* Appends "-key=value" if it fits; what a label may not have is left out, '/' becomes '_'. */
static void append_value(char label[64], const char *key, const json_t *value)
{
    char shown[GREF_CASE_SHOWN], part[GREF_CASE_SHOWN + 24];
    gref_case_show(shown, value);
    size_t used = (size_t)snprintf(part, sizeof part, "-%.20s=", key), length = strlen(label);
    for (const char *p = shown; *p != '\0'; p++)
        if (strchr("()\" ", *p) == NULL)
            part[used++] = *p == '/' ? '_' : *p;
    if (length + used < 64)
        snprintf(label + length, 64 - length, "%.*s", (int)used, part);
}

/* The value of the completed entry; of one that does not use the key, that of "conventions". */
static json_t *in_force(const gref_case *c, const json_t *entry, const char *key)
{
    json_t *own = json_object_get(entry, key);
    return own != NULL ? own : gref_case_get(c, "conventions", key);
}

/* True if the unlabelled samplers of one name do not all have the same value in force. */
static bool differs(const gref_case *c, const json_t *samplers, const char *name, const char *key)
{
    size_t k;
    json_t *entry;
    const json_t *first = NULL, *value;
    bool any = false;
    json_array_foreach(samplers, k, entry)
    {
        const char *other = json_string_value(json_object_get(entry, "name"));
        if (json_object_get(entry, "label") != NULL || strcmp(other, name) != 0)
            continue;
        value = in_force(c, entry, key);
        if (any && !gref_case_same(first, value))
            return true;
        first = value;
        any = true;
    }
    return false;
}

/* The keys that may tell samplers of one name apart, in the order in which a label has them; golden files
 * know their arrays by labels. */
static const char *const label_keys[] = {
    "scheme", "eta",      "eta_on",     "steps", "spacing", "alpha",  "r2",        "guidance",
    "zeta",   "variance", "last_noise", "start", "eta_b",   "lambda", "rho_scale", "rank_tol"};

/* The preset; or the name, and what tells this sampler from the other unlabelled ones of its name. */
static void suggest_label(char label[64], const gref_case *c, const json_t *samplers,
                          const json_t *entry)
{
    const char *name = json_string_value(json_object_get(entry, "name"));
    const char *preset = json_string_value(json_object_get(entry, "preset"));
    bool faulty = json_is_true(json_object_get(entry, "faults"));
    snprintf(label, 64, "%s%s", preset != NULL ? preset : name, faulty ? "-faults" : "");
    if (preset != NULL)
        return;
    for (size_t k = 0; k < sizeof label_keys / sizeof *label_keys; k++) {
        const char *key = label_keys[k];
        json_t *value = json_object_get(entry, key);
        const char *word = json_string_value(value);
        bool plain = word != NULL && (strcmp(word, "ddpm") == 0 || strcmp(word, "std") == 0);
        if (value != NULL && !plain && differs(c, samplers, name, key))
            append_value(label, key, value);
    }
}

/* Index of the sampler that has the label, or n. */
static int labelled(const gref_case *c, int n, const char *label)
{
    int k = 0;
    while (k < n && strcmp(c->samplers[k].label, label) != 0)
        k++;
    return k;
}

static gref_status take_given_labels(gref_case *c, const json_t *samplers)
{
    char key[GREF_CASE_KEY];
    for (int k = 0; k < c->n_samplers; k++) {
        json_t *entry = json_array_get(samplers, (size_t)k);
        const char *label = json_string_value(json_object_get(entry, "label"));
        if (label == NULL)
            continue;
        gref_case_join_index(key, "samplers", (size_t)k);
        gref_case_join(key, key, "label");
        CASE_REQUIRE(strcmp(label, "target") != 0, c, key,
                     "%s cannot be \"target\", which names the true law in the files written", key);
        int other = labelled(c, k, label);
        CASE_REQUIRE(other == k, c, key, "%s \"%s\" is also the label of samplers.%d", key, label,
                     other);
        snprintf(c->samplers[k].label, sizeof c->samplers[k].label, "%s", label);
    }
    return GREF_OK;
}

/* Labels for the rest; what is still equal is numbered -2, -3, ... */
static gref_status make_labels(gref_case *c, json_t *samplers)
{
    SCOPED_MEM char(*made)[64] = gref_alloc((size_t)c->n_samplers, sizeof *made);
    REQUIRE(made != NULL, GREF_ERR_NOMEM, "no memory for a case");
    for (int k = 0; k < c->n_samplers; k++)
        suggest_label(made[k], c, samplers, json_array_get(samplers, (size_t)k));
    for (int k = 0; k < c->n_samplers; k++) {
        char label[64];
        json_t *entry = json_array_get(samplers, (size_t)k);
        if (json_object_get(entry, "label") != NULL)
            continue;
        snprintf(label, sizeof label, "%s", made[k]);
        for (int copy = 2; labelled(c, c->n_samplers, label) < c->n_samplers; copy++) {
            int digits = snprintf(NULL, 0, "-%d", copy);
            snprintf(label, sizeof label, "%.*s-%d", 63 - digits, made[k], copy);
        }
        memcpy(c->samplers[k].label, label, sizeof label);
        REQUIRE(json_object_set_new(entry, "label", json_string(label)) == 0, GREF_ERR_NOMEM,
                "no memory for a case");
    }
    return GREF_OK;
}

/* Puts the keys in the order of the schema. */
static gref_status reorder(json_t *entry)
{
    json_auto_t *copy = json_copy(entry);
    bool failed = copy == NULL;
    int n;
    const gref_case_row *row = gref_case_rows(&n);
    json_object_clear(entry);
    for (int k = 0; k < n && !failed; k++) {
        json_t *value =
            strcmp(row[k].object, "samplers") == 0 ? json_object_get(copy, row[k].key) : NULL;
        failed = value != NULL && json_object_set(entry, row[k].key, value) != 0;
    }
    failed = failed || json_object_update_missing(entry, copy) != 0;
    REQUIRE(!failed, GREF_ERR_NOMEM, "no memory for a case");
    return GREF_OK;
}

/* The steps of the sampler "affine", which need no convention. */
static gref_status read_chain(gref_case *c, int k, const json_t *entry, const char *at)
{
    char key[GREF_CASE_KEY];
    SCOPED_MEM char *path = gref_case_file(c, json_string_value(json_object_get(entry, "file")));
    REQUIRE(path != NULL, GREF_ERR_NOMEM, "no memory for a file name");
    gref_case_join(key, at, "file");
    CASE_TRY(c, key, gref_chain_read(&c->owned[k].chain, path));
    c->samplers[k].chain = &c->owned[k].chain;
    c->samplers[k].convention = gref_convention_default();
    return GREF_OK;
}

/* The array of a file, one row as a column; a number is one entry. */
static gref_status read_array(gref_mat *out, const gref_case *c, const json_t *value,
                              const char *key)
{
    SCOPED(gref_mat) X = {0};
    if (json_is_number(value)) {
        TRY(gref_mat_new(&X, 1, 1));
        X.a[0] = json_number_value(value);
    } else {
        SCOPED_MEM char *path = gref_case_file(c, json_string_value(value));
        REQUIRE(path != NULL, GREF_ERR_NOMEM, "no memory for a file name");
        CASE_TRY(c, key, gref_npy_read(&X, NULL, path));
        CASE_TRY(c, key, gref_require_finite(gref_const(X), json_string_value(value)));
        if (X.m == 1)
            X = (gref_mat){X.a, X.n, 1, X.n};
    }
    *out = TAKE(X);
    return GREF_OK;
}

static gref_status read_part(gref_mat *X, const gref_case *c, const json_t *entry, const char *at,
                             const char *key, const char *part)
{
    char where[GREF_CASE_KEY];
    const json_t *own = json_object_get(entry, key);
    const json_t *value =
        json_object_get(own != NULL ? own : gref_case_get(c, "conventions", key), part);
    gref_case_join(where, at, key);
    if (own == NULL)
        gref_case_join(where, "conventions", key);
    return value == NULL ? GREF_OK : read_array(X, c, value, where);
}

/* The files of a variance and of a start. A golden file has them as arrays: c->dir is NULL there. */
static gref_status read_arrays(gref_case *c, int k, const json_t *entry, const char *at)
{
    gref_convention *v = &c->samplers[k].convention;
    gref_case_owned *own = &c->owned[k];
    char key[GREF_CASE_KEY];
    if (c->dir == NULL)
        return GREF_OK;
    if (v->scheme == GREF_SCHEME_DDPM && v->variance == GREF_VARIANCE_FILE) {
        gref_case_join(key, at, "variance");
        TRY(read_part(&own->variances, c, entry, at, "variance", "file"));
        CASE_REQUIRE(own->variances.m == c->schedule.T && own->variances.n == 1, c, key,
                     "%s: the file is %d x %d, not %d variances, one for each t from 1 to T", key,
                     own->variances.m, own->variances.n, c->schedule.T);
        for (int i = 0; i < own->variances.m; i++)
            CASE_REQUIRE(own->variances.a[i] >= 0.0, c, key, "%s: the variance at t = %d is %g",
                         key, i + 1, own->variances.a[i]);
        v->variances = own->variances.a;
    }
    if (v->start != GREF_START_GIVEN)
        return GREF_OK;
    TRY(read_part(&own->start_mean, c, entry, at, "start", "mean"));
    TRY(read_part(&own->start_cov, c, entry, at, "start", "cov"));
    v->start_mean = gref_const(own->start_mean);
    v->start_cov = gref_const(own->start_cov);
    return GREF_OK;
}

static gref_status read_sampler(gref_case *c, int k, const json_t *entry)
{
    gref_sampler_spec *spec = &c->samplers[k];
    char at[GREF_CASE_KEY];
    gref_case_join_index(at, "samplers", (size_t)k);
    snprintf(spec->name, sizeof spec->name, "%s",
             json_string_value(json_object_get(entry, "name")));
    if (strcmp(spec->name, "affine") == 0)
        return read_chain(c, k, entry, at);
    CASE_REQUIRE(!gref_row_find(spec->name)->guided || !gref_case_is(c, "operator", "none"), c, at,
                 "%s, \"%s\", uses v, and the operator is \"none\": \"unconditional\" does not", at,
                 spec->name);
    TRY(gref_case_read_convention(&spec->convention, c, entry, at));
    TRY(read_arrays(c, k, entry, at));
    return gref_case_read_times(c, k, entry, at);
}

/* c->samplers from the completed case, which gets the labels that were not given. */
gref_status gref_case_read_samplers(gref_case *c)
{
    json_t *samplers = json_object_get(c->completed, "samplers"), *entry;
    size_t k;
    size_t n = json_array_size(samplers);
    c->samplers = gref_alloc(n, sizeof *c->samplers);
    c->owned = gref_alloc(n, sizeof *c->owned);
    REQUIRE(c->samplers != NULL && c->owned != NULL, GREF_ERR_NOMEM, "no memory for a case");
    c->n_samplers = (int)n;
    json_array_foreach(samplers, k, entry) TRY(read_sampler(c, (int)k, entry));
    TRY(take_given_labels(c, samplers));
    json_array_foreach(samplers, k, entry) if (c->samplers[k].chain == NULL)
        TRY(gref_case_show_convention(entry, c, &c->samplers[k].convention));
    TRY(make_labels(c, samplers));
    json_array_foreach(samplers, k, entry) TRY(reorder(entry));
    return GREF_OK;
}
