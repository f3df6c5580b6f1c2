#include "oracle_file.h"

#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "support.h"

static int by_name(const void *a, const void *b)
{
    return strcmp(a, b);
}

int oracle_file_list(char names[][64], int most)
{
    int n = 0;
    DIR *dir = opendir(reference_file("golden/oracle"));
    ck_assert_msg(dir != NULL, "no folder %s", reference_file("golden/oracle"));
    for (struct dirent *e; (e = readdir(dir)) != NULL;) {
        size_t length = strlen(e->d_name);
        if (length < 6 || length > 60 || strcmp(e->d_name + length - 5, ".json") != 0)
            continue;
        ck_assert_int_lt(n, most);
        snprintf(names[n++], 64, "%.*s", (int)length - 5, e->d_name);
    }
    closedir(dir);
    qsort(names, (size_t)n, sizeof *names, by_name);
    ck_assert_int_ge(n, 24);
    return n;
}

static json_t *member(const json_t *object, const char *key)
{
    json_t *value = json_object_get(object, key);
    if (value == NULL) /* not ck_assert: Check writes a record for every one that passes */
        ck_abort_msg("the file has no \"%s\"", key);
    return value;
}

static double hex(const json_t *text)
{
    char *end = NULL;
    const char *s = json_string_value(text);
    bool marked = s != NULL && strncmp(s + (*s == '-'), "0x", 2) == 0;
    double x = marked ? strtod(s, &end) : NAN;
    if (!marked || *end != '\0' || !isfinite(x))
        ck_abort_msg("not a hexadecimal number: %s", s == NULL ? "no text" : s);
    return x;
}

/* Position of entry (i, j) in the list of an array that is stored whole or by its lower
 * triangle. */
static size_t place(const json_t *array, int i, int j)
{
    int cols = (int)json_integer_value(member(array, "cols"));
    if (strcmp(json_string_value(member(array, "storage")), "full") == 0)
        return (size_t)(i * cols + j);
    return (size_t)(i > j ? i * (i + 1) / 2 + j : j * (j + 1) / 2 + i);
}

static gref_mat shaped(const json_t *array)
{
    return fresh((int)json_integer_value(member(array, "rows")),
                 (int)json_integer_value(member(array, "cols")));
}

static gref_mat input(const json_t *inputs, const char *key)
{
    json_t *array = member(inputs, key), *list = member(array, "hex");
    gref_mat A = shaped(array);
    for (int i = 0; i < A.m; i++)
        for (int j = 0; j < A.n; j++)
            GREF_AT(A, i, j) = hex(json_array_get(list, place(array, i, j)));
    return A;
}

static void read_sampler(gref_sampler_spec *spec, const json_t *entry)
{
    gref_convention *c = &spec->convention;
    *c = gref_convention_default();
    snprintf(spec->name, sizeof spec->name, "%s", json_string_value(member(entry, "name")));
    snprintf(spec->label, sizeof spec->label, "%s", json_string_value(member(entry, "label")));
    ck_assert(gref_guidance_parse(&c->guidance, json_string_value(member(entry, "guidance"))));
    ck_assert(gref_variance_parse(&c->variance, json_string_value(member(entry, "variance"))));
    ck_assert(gref_start_parse(&c->start, json_string_value(member(entry, "start"))));
    ck_assert(gref_r2_parse(&c->r2, json_string_value(member(entry, "r2"))));
    c->last_noise = json_is_true(member(entry, "last_noise"));
    c->zeta = hex(member(entry, "zeta"));
    c->alpha_dps = hex(member(entry, "alpha"));
}

static void read_lists(oracle_file *f, const json_t *inputs)
{
    json_t *samplers = member(inputs, "samplers"), *at = member(inputs, "at");
    f->n_samplers = (int)json_array_size(samplers);
    f->n_at = (int)json_array_size(at);
    f->specs = calloc((size_t)f->n_samplers, sizeof *f->specs);
    f->at = calloc((size_t)f->n_at, sizeof *f->at);
    ck_assert(f->specs != NULL && f->at != NULL);
    for (int k = 0; k < f->n_samplers; k++)
        read_sampler(f->specs + k, json_array_get(samplers, (size_t)k));
    for (int k = 0; k < f->n_at; k++)
        f->at[k] = (int)json_integer_value(json_array_get(at, (size_t)k));
}

oracle_file oracle_file_open(const char *name)
{
    oracle_file f = {0};
    json_error_t error;
    char path[128];
    snprintf(f.name, sizeof f.name, "%s", name);
    snprintf(path, sizeof path, "golden/oracle/%s.json", name);
    f.root = json_load_file(reference_file(path), 0, &error);
    ck_assert_msg(f.root != NULL, "%s: %s", path, error.text);
    ck_assert_str_eq(json_string_value(member(f.root, "schema")), "gref-oracle/1");
    json_t *inputs = member(f.root, "inputs");
    f.p.Sigma = input(inputs, "Sigma");
    f.p.mu = input(inputs, "mu");
    f.p.A = input(inputs, "A");
    f.p.v = input(inputs, "v");
    f.p.sigma = hex(member(inputs, "sigma"));
    f.psd = json_is_true(member(member(inputs, "Sigma"), "psd"));
    gref_mat beta = input(inputs, "beta");
    ck_ok(gref_schedule_from_betas(&f.s, beta.a, beta.m));
    ck_ok(gref_modes_new(&f.z, &f.p));
    gref_mat_free(&beta);
    read_lists(&f, inputs);
    return f;
}

void oracle_file_close(oracle_file *f)
{
    gref_modes_free(&f->z);
    gref_schedule_free(&f->s);
    gref_problem_free(&f->p);
    free(f->specs);
    free(f->at);
    json_decref(f->root);
    *f = (oracle_file){0};
}

static json_t *output(const oracle_file *f, const char *name)
{
    json_t *value = json_object_get(member(f->root, "outputs"), name);
    ck_assert_msg(value != NULL, "%s.json has no output \"%s\"", f->name, name);
    return value;
}

bool oracle_has(const oracle_file *f, const char *name)
{
    return json_object_get(member(f->root, "outputs"), name) != NULL;
}

static long double decimal(const json_t *text)
{
    char *end = NULL;
    const char *s = json_string_value(text);
    long double x = s != NULL ? strtold(s, &end) : 0;
    if (s == NULL || end == s || *end != '\0' || isnan(x))
        ck_abort_msg("not a decimal number: %s", s == NULL ? "no text" : s);
    return x;
}

gref_mat oracle_array(const oracle_file *f, const char *name)
{
    json_t *array = output(f, name), *list = member(array, "mid");
    gref_mat A = shaped(array);
    for (int i = 0; i < A.m; i++)
        for (int j = 0; j < A.n; j++)
            GREF_AT(A, i, j) =
                strtod(json_string_value(json_array_get(list, place(array, i, j))), NULL);
    return A;
}

double oracle_distance(const oracle_file *f, const char *name, gref_cmat x)
{
    json_t *array = output(f, name), *list = member(array, "mid");
    ck_assert_int_eq(x.m, json_integer_value(member(array, "rows")));
    ck_assert_int_eq(x.n, json_integer_value(member(array, "cols")));
    gref_mat d = fresh(x.m, x.n); /* differences of long doubles, rounded once */
    for (int i = 0; i < x.m; i++)
        for (int j = 0; j < x.n; j++)
            GREF_AT(d, i, j) =
                (double)(GREF_AT(x, i, j) - decimal(json_array_get(list, place(array, i, j))));
    double norm = gref_mat_norm_fro(gref_const(d)); /* which does not overflow */
    gref_mat_free(&d);
    return norm;
}

long double oracle_number(const oracle_file *f, const char *name)
{
    return decimal(member(output(f, name), "mid"));
}

double oracle_radius(const oracle_file *f, const char *name)
{
    return (double)decimal(member(output(f, name), "radius"));
}

const char *oracle_name(const char *label, const char *what, int t)
{
    static char name[192];
    if (t < 0)
        snprintf(name, sizeof name, "%s/%s", label, what);
    else
        snprintf(name, sizeof name, "%s/%s/%d", label, what, t);
    return name;
}
