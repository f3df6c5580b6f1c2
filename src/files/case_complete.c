/*
 * From the tree a case file gives to the completed one: every key checked against its row of the
 * schema, every default filled in, keys in the schema's order.
 */
#include <string.h>

#include "internal.h"

static gref_status complete_object(json_t **out_object, const gref_case *c, const char *object,
                                   const char *at, json_t *given);

/* Says which key was not expected, and which one may have been meant. */
static gref_status refuse_key(const gref_case *c, const char *object, const char *kind,
                              const char *key, const char *name)
{
    char legal[256] = "";
    gref_guess g = {.word = name};
    const gref_case_row *selector = gref_case_selector(object);
    int n;
    const gref_case_row *row = gref_case_rows(&n);
    bool elsewhere = false;
    for (int k = 0; k < n; k++) {
        if (strcmp(row[k].object, object) != 0)
            continue;
        elsewhere = elsewhere || strcmp(row[k].key, name) == 0;
        if (row[k].kinds != NULL && !gref_case_word_in(row[k].kinds, kind))
            continue;
        gref_guess_consider(&g, row[k].key);
        size_t used = strlen(legal);
        snprintf(legal + used, sizeof legal - used, "%s%s", used == 0 ? "" : ", ", row[k].key);
    }
    CASE_REQUIRE(!elsewhere, c, key, "%s does not belong to %s \"%s\" (its keys: %s)", key,
                 selector->key, kind, legal);
    CASE_REQUIRE(g.best[0] == '\0', c, key, "unknown key %s (did you mean %s?)", key, g.best);
    CASE_FAIL(c, key, "unknown key %s (known here: %s)", key, legal);
    return GREF_OK;
}

static gref_status refuse_unknown(const gref_case *c, const char *object, const char *kind,
                                  const char *at, json_t *given)
{
    const char *name;
    json_t *value;
    char key[GREF_CASE_KEY];
    json_object_foreach(given, name, value)
    {
        gref_case_join(key, at, name);
        if (gref_case_row_of(object, kind, name) == NULL)
            TRY(refuse_key(c, object, kind, key, name));
    }
    return GREF_OK;
}

/* The blame for a missing key is on the override that chose the kind, else on the object's line. */
static gref_status refuse_missing(const gref_case *c, const gref_case_row *row, const char *at,
                                  const char *kind)
{
    char key[GREF_CASE_KEY], selector[GREF_CASE_KEY];
    const gref_case_row *chooser = gref_case_selector(row->object);
    gref_case_join(key, at, row->key);
    gref_case_join(selector, at, chooser == NULL ? "" : chooser->key);
    bool chosen = chooser != NULL && gref_case_override_of(c, selector) != NULL;
    const char *place = chosen ? selector : at;
    CASE_REQUIRE(row->kinds == NULL, c, place, "%s is missing (%s \"%s\" needs it)", key,
                 chooser->key, kind);
    CASE_FAIL(c, place, "%s is missing", key);
    return GREF_OK;
}

bool gref_case_needs_met(const gref_case_row *row, const json_t *done)
{
    if (row->needs == NULL)
        return true;
    char key[64];
    const char *word = strchr(row->needs, '=');
    snprintf(key, sizeof key, "%.*s", (int)strcspn(row->needs, "="), row->needs);
    const json_t *value = json_object_get(done, key);
    const char *has = json_string_value(value);
    return word == NULL ? value != NULL : has != NULL && strcmp(has, word + 1) == 0;
}

/* Fails for a key that stands without what it needs. */
static gref_status check_needs(const gref_case *c, const gref_case_row *row, const char *at,
                               const char *key, const json_t *done)
{
    CASE_REQUIRE(gref_case_needs_met(row, done), c, key,
                 "%s belongs to %s.%s, which the case does not have", key, at, row->needs);
    return GREF_OK;
}

/* Exactly one key of each group. */
static gref_status check_groups(const gref_case *c, const char *object, const char *kind,
                                const char *at, const json_t *done)
{
    int n;
    const gref_case_row *row = gref_case_rows(&n), *last = NULL;
    const char *first = NULL;
    char key[GREF_CASE_KEY], list[GREF_CASE_LIST_SIZE];
    for (int k = 0; k < n; k++) {
        if (row[k].group == NULL || gref_case_row_of(object, kind, row[k].key) != &row[k])
            continue;
        last = &row[k];
        if (json_object_get(done, row[k].key) == NULL)
            continue;
        gref_case_join(key, at, row[k].key);
        CASE_REQUIRE(first == NULL, c, key, "%s cannot stand beside %s.%s: give one", key, at,
                     first);
        first = row[k].key;
    }
    const gref_case_row *chooser = gref_case_selector(object);
    if (last == NULL || first != NULL)
        return GREF_OK;
    gref_case_join(key, at, chooser->key);
    const char *place = gref_case_override_of(c, key) != NULL ? key : at;
    gref_case_list_words(list, last->group, "");
    CASE_FAIL(c, place, "%s of %s \"%s\" needs one of %s", at, chooser->key, kind, list);
    return GREF_OK;
}

static gref_status complete_list(json_t **out_list, const gref_case *c, const char *object,
                                 const char *at, json_t *given)
{
    json_auto_t *list = json_array();
    json_t *item = NULL;
    char shown[GREF_CASE_SHOWN], key[GREF_CASE_KEY];
    gref_case_show(shown, given);
    REQUIRE(list != NULL, GREF_ERR_NOMEM, "no memory for a case");
    CASE_REQUIRE(json_is_array(given), c, at, "%s must be a list [{...}, ...], not %s", at, shown);
    CASE_REQUIRE(json_array_size(given) > 0, c, at, "%s must not be empty", at);
    for (size_t k = 0; k < json_array_size(given); k++) {
        gref_case_join_index(key, at, k);
        TRY(complete_object(&item, c, object, key, json_array_get(given, k)));
        REQUIRE(json_array_append_new(list, item) == 0, GREF_ERR_NOMEM, "no memory for a case");
    }
    *out_list = TAKE(list);
    return GREF_OK;
}

/* Puts the checked value of one row, or its default, into `done`. */
static gref_status complete_key(json_t *done, const gref_case *c, const gref_case_row *row,
                                const char *at, json_t *given)
{
    char key[GREF_CASE_KEY], kind[64];
    json_auto_t *fallback = NULL;
    json_t *value = json_object_get(given, row->key), *checked = NULL;
    gref_case_join(key, at, row->key);
    if (value == NULL) {
        gref_case_kind(kind, row->object, done);
        if (row->fallback == GREF_CASE_OPTIONAL || !gref_case_needs_met(row, done))
            return GREF_OK;
        if (strcmp(row->fallback, GREF_CASE_REQUIRED) == 0)
            TRY(refuse_missing(c, row, at, kind));
        value = fallback = json_loads(row->fallback, JSON_DECODE_ANY, NULL);
        REQUIRE(value != NULL, GREF_ERR_NOMEM, "no memory for a case");
    }
    if (row->type == GREF_CASE_OBJECT) {
        TRY(complete_object(&checked, c, row->key, key, value));
    } else if (row->type == GREF_CASE_LIST) {
        TRY(complete_list(&checked, c, row->key, key, value));
    } else {
        TRY(check_needs(c, row, at, key, done));
        TRY(gref_case_check_value(c, row, key, value));
        checked = json_deep_copy(value);
    }
    REQUIRE(json_object_set_new(done, row->key, checked) == 0, GREF_ERR_NOMEM,
            "no memory for a case");
    return GREF_OK;
}

/* The completed object `given` at the key `at`; `object` names its rows in the schema. */
static gref_status complete_object(json_t **out_object, const gref_case *c, const char *object,
                                   const char *at, json_t *given)
{
    char shown[GREF_CASE_SHOWN], kind[64];
    int n;
    const gref_case_row *row = gref_case_rows(&n), *selector = gref_case_selector(object);
    json_auto_t *done = json_object();
    gref_case_show(shown, given);
    REQUIRE(done != NULL, GREF_ERR_NOMEM, "no memory for a case");
    CASE_REQUIRE(json_is_object(given), c, at, "%s must be an object {...}, not %s",
                 *at == '\0' ? "a case" : at, shown);
    if (selector != NULL)
        TRY(complete_key(done, c, selector, at, given));
    gref_case_kind(kind, object, done);
    TRY(refuse_unknown(c, object, kind, at, given));
    for (int k = 0; k < n; k++)
        if (strcmp(row[k].object, object) == 0 && &row[k] != selector &&
            (row[k].kinds == NULL || gref_case_word_in(row[k].kinds, kind)))
            TRY(complete_key(done, c, &row[k], at, given));
    TRY(check_groups(c, object, kind, at, done));
    *out_object = TAKE(done);
    return GREF_OK;
}

/*
 * Without an operator there is no v, and nothing that v would need. The case is run as one whose A is zero:
 * what it measures is noise of its own, and the posterior is the prior.
 */
static gref_status remove_measurement(gref_case *c)
{
    static const char *const parts[] = {"noise", "observation"};
    const json_t *operator= json_object_get(c->given, "operator");
    const char *kind = json_string_value(json_object_get(operator, "kind"));
    if (kind == NULL || strcmp(kind, "none") != 0)
        return GREF_OK;
    for (int k = 0; k < 2; k++)
        CASE_REQUIRE(json_object_get(c->given, parts[k]) == NULL, c, parts[k],
                     "%s has no use: the operator is \"none\", so nothing is measured", parts[k]);
    int failed = json_object_set_new(c->given, "noise", json_pack("{s:f}", "sigma", 1.0));
    if (json_object_get(c->given, "samplers") == NULL)
        failed |= json_object_set_new(c->given, "samplers",
                                      json_pack("[{s:s}]", "name", "unconditional"));
    REQUIRE(failed == 0, GREF_ERR_NOMEM, "no memory for a case");
    return GREF_OK;
}

/* c->completed from c->given. */
gref_status gref_case_complete(gref_case *c)
{
    if (json_is_object(c->given))
        TRY(remove_measurement(c));
    return complete_object(&c->completed, c, "", "", c->given);
}
