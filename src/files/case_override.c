/* Overrides: --set key.path=value, applied to the tree that the case file gives. */
#include <stdlib.h>
#include <string.h>

#include "internal.h"

/* The override's own refusals need no place: the message begins with the override. */
#define SET_REQUIRE(cond, set, ...)                                                                \
    do {                                                                                           \
        if (!(cond))                                                                               \
            return gref_case_blame_override(                                                       \
                (set), gref_fail(GREF_ERR_CASE, __FILE__, __LINE__, __func__, 0, __VA_ARGS__));    \
    } while (0)

/* Takes the next component off a dotted key; false at its end or at an empty one. */
static bool next_name(char name[GREF_CASE_KEY], const char **key)
{
    size_t length = strcspn(*key, ".");
    if (length == 0 || length >= GREF_CASE_KEY)
        return false;
    snprintf(name, GREF_CASE_KEY, "%.*s", (int)length, *key);
    *key += length;
    if (**key == '.' && (*key)[1] != '\0')
        ++*key;
    return true;
}

static bool is_index(const char *name)
{
    return *name != '\0' && strlen(name) <= 6 && name[strspn(name, "0123456789")] == '\0';
}

/* Splits "key=value" and parses the value: JSON, or else the bare string. */
static gref_status parse_override(gref_case_override *set, json_t **value, const char *text)
{
    const char *equals = strchr(text, '=');
    char name[GREF_CASE_KEY];
    set->text = gref_strdup(text);
    REQUIRE(set->text != NULL, GREF_ERR_NOMEM, "no memory for a case");
    SET_REQUIRE(equals != NULL, set, "an override is KEY=VALUE, there is no '='");
    set->key = gref_format("%.*s", (int)(equals - text), text);
    REQUIRE(set->key != NULL, GREF_ERR_NOMEM, "no memory for a case");
    const char *rest = set->key;
    do
        SET_REQUIRE(next_name(name, &rest), set, "'%s' is not a key", set->key);
    while (*rest != '\0');
    *value = json_loads(equals + 1, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, NULL);
    if (*value == NULL)
        *value = json_string(equals + 1);
    SET_REQUIRE(*value != NULL, set, "the value is not UTF-8 text");
    return GREF_OK;
}

/* True if some override wrote the key, or something in it. */
static bool is_set(const gref_case *c, const char *key)
{
    for (int k = 0; k < c->n_sets; k++)
        if (gref_case_within(key, c->sets[k].key) || gref_case_within(c->sets[k].key, key))
            return true;
    return false;
}

/* Drops the keys of `node` that meant something else under its old kind, unless overridden. */
static void drop_keys_of_old_kind(const gref_case *c, const char *object, const char *at,
                                  json_t *node, const char *old_kind)
{
    char kind[64], key[GREF_CASE_KEY];
    const char *name;
    json_t *value;
    void *next;
    gref_case_kind(kind, object, node);
    json_object_foreach_safe(node, next, name, value)
    {
        const gref_case_row *before = gref_case_row_of(object, old_kind, name);
        gref_case_join(key, at, name);
        if (before != NULL && before != gref_case_row_of(object, kind, name) && !is_set(c, key))
            json_object_del(node, name);
    }
}

/* A key of a group that an override sets displaces the others of the group, and what needed
 * those. */
static void drop_others(const gref_case *c, const char *object, const char *at, json_t *node,
                        const gref_case_row *set)
{
    int n;
    const gref_case_row *row = gref_case_rows(&n);
    char key[GREF_CASE_KEY];
    for (int k = 0; k < n; k++) {
        bool other = row[k].group != NULL && strcmp(row[k].group, set->group) == 0;
        gref_case_join(key, at, row[k].key);
        if (strcmp(row[k].object, object) == 0 && &row[k] != set && !is_set(c, key) &&
            (other || !gref_case_needs_met(&row[k], node)))
            json_object_del(node, row[k].key);
    }
}

static gref_status set_in_object(const gref_case *c, const char *object, const char *at,
                                 json_t *node, const char *name, json_t *value)
{
    char old_kind[64], kind[64];
    const gref_case_row *selector = gref_case_selector(object);
    gref_case_kind(old_kind, object, node);
    REQUIRE(json_object_set(node, name, value) == 0, GREF_ERR_NOMEM, "no memory for a case");
    if (selector != NULL && strcmp(selector->key, name) == 0)
        drop_keys_of_old_kind(c, object, at, node, old_kind);
    gref_case_kind(kind, object, node);
    const gref_case_row *row = gref_case_row_of(object, kind, name);
    if (row != NULL && row->group != NULL)
        drop_others(c, object, at, node, row);
    return GREF_OK;
}

static gref_status set_in_array(const gref_case_override *set, const char *at, json_t *node,
                                const char *name, json_t *value)
{
    size_t size = json_array_size(node), index = strtoul(name, NULL, 10);
    SET_REQUIRE(is_index(name) && index <= size, set, "%s has the elements 0 to %d, not %s", at,
                (int)size - 1, name);
    int failed = index < size ? json_array_set(node, index, value) : json_array_append(node, value);
    REQUIRE(failed == 0, GREF_ERR_NOMEM, "no memory for a case");
    return GREF_OK;
}

/* What is made for a missing key on the way to `next`: its default if that is a list, else {}. */
static gref_status new_child(json_t **child, const gref_case_override *set, const char *object,
                             const json_t *node, const char *name, const char *next)
{
    char kind[64];
    gref_case_kind(kind, object, node);
    const gref_case_row *row = gref_case_row_of(object, kind, name);
    bool list =
        row != NULL && is_index(next) &&
        (row->type == GREF_CASE_BOX || row->type == GREF_CASE_SIZE || row->type == GREF_CASE_SPAN ||
         row->type == GREF_CASE_RISING || row->type == GREF_CASE_INTS ||
         row->type == GREF_CASE_TIMES || row->type == GREF_CASE_LIST);
    SET_REQUIRE(!list || (row->fallback != NULL && *row->fallback == '['), set,
                "the case has no %s: set the whole list", name);
    *child = list ? json_loads(row->fallback, 0, NULL) : json_object();
    REQUIRE(*child != NULL, GREF_ERR_NOMEM, "no memory for a case");
    return GREF_OK;
}

/* The element or member `name` of node, NULL if there is none. */
static json_t *child_of(const json_t *node, const char *name)
{
    if (!json_is_array(node))
        return json_object_get(node, name);
    return is_index(name) ? json_array_get(node, strtoul(name, NULL, 10)) : NULL;
}

/* The object of the schema that the child `name` of a node of `object` is, "?" for none. */
static const char *object_of(const char *object, const json_t *node, const char *name)
{
    char kind[64];
    if (json_is_array(node))
        return object;
    gref_case_kind(kind, object, node);
    const gref_case_row *row = gref_case_row_of(object, kind, name);
    bool inside = row != NULL && (row->type == GREF_CASE_OBJECT || row->type == GREF_CASE_LIST);
    return inside ? row->key : "?";
}

static gref_status set_in(const gref_case *c, const gref_case_override *set, const char *object,
                          const char *at, json_t *node, const char *name, json_t *value)
{
    return json_is_array(node) ? set_in_array(set, at, node, name, value)
                               : set_in_object(c, object, at, node, name, value);
}

static gref_status apply(gref_case *c, const gref_case_override *set, json_t *value)
{
    gref_status status = GREF_OK;
    const char *rest = set->key, *object = "";
    char name[GREF_CASE_KEY], next[GREF_CASE_KEY], at[GREF_CASE_KEY] = "";
    json_t *node = c->given;
    while (next_name(name, &rest), *rest != '\0') {
        const char *ahead = rest;
        next_name(next, &ahead);
        json_t *child = child_of(node, name);
        if (child == NULL) {
            TRY(new_child(&child, set, json_is_array(node) ? "?" : object, node, name, next));
            status = set_in(c, set, object, at, node, name, child);
            json_decref(child); /* the tree holds it now, or nothing does */
            TRY(status);
        }
        object = object_of(object, node, name);
        gref_case_join(at, at, name);
        node = child;
        SET_REQUIRE(json_is_object(node) || json_is_array(node), set,
                    "%s is not an object, so it has no %s", at, rest);
    }
    TRY(set_in(c, set, object, at, node, name, value));
    return status;
}

/* All keys are known before the first is applied: a key that any override sets is never dropped. */
gref_status gref_case_override_all(gref_case *c, const char *const *sets, int n_sets)
{
    json_auto_t *values = json_array();
    c->sets = gref_alloc((size_t)n_sets, sizeof *c->sets);
    REQUIRE(values != NULL && c->sets != NULL, GREF_ERR_NOMEM, "no memory for a case");
    for (int k = 0; k < n_sets; k++) {
        json_t *value = NULL;
        c->n_sets = k + 1;
        TRY(parse_override(&c->sets[k], &value, sets[k]));
        REQUIRE(json_array_append_new(values, value) == 0, GREF_ERR_NOMEM, "no memory for a case");
    }
    for (int k = 0; k < n_sets && json_is_object(c->given); k++)
        TRY(apply(c, &c->sets[k], json_array_get(values, (size_t)k)));
    return GREF_OK;
}
