/* Values of the completed case: their types were checked against the schema, so nothing fails. */
#include <string.h>

#include "internal.h"

json_t *gref_case_get(const gref_case *c, const char *object, const char *key)
{
    return json_object_get(json_object_get(c->completed, object), key);
}

const char *gref_case_string(const gref_case *c, const char *object, const char *key)
{
    return json_string_value(gref_case_get(c, object, key));
}

double gref_case_number(const gref_case *c, const char *object, const char *key)
{
    return json_number_value(gref_case_get(c, object, key));
}

int gref_case_int(const gref_case *c, const char *object, const char *key)
{
    return (int)json_integer_value(gref_case_get(c, object, key));
}

uint64_t gref_case_seed(const gref_case *c, const char *object)
{
    return (uint64_t)json_integer_value(gref_case_get(c, object, "seed"));
}

bool gref_case_is(const gref_case *c, const char *object, const char *kind)
{
    const char *is = gref_case_string(c, object, "kind"); /* a golden file's case may have none */
    return is != NULL && strcmp(is, kind) == 0;
}

bool gref_case_ints(int *x, int count, const gref_case *c, const char *object, const char *key)
{
    json_t *list = gref_case_get(c, object, key);
    for (int k = 0; list != NULL && k < count; k++)
        x[k] = (int)json_integer_value(json_array_get(list, (size_t)k));
    return list != NULL;
}

bool gref_case_same(const json_t *a, const json_t *b)
{
    if (json_is_number(a) && json_is_number(b))
        return json_number_value(a) == json_number_value(b);
    if (!json_is_array(a) || !json_is_array(b) || json_array_size(a) != json_array_size(b))
        return a == b || json_equal(a, b);
    for (size_t k = 0; k < json_array_size(a); k++)
        if (!gref_case_same(json_array_get(a, k), json_array_get(b, k)))
            return false;
    return true;
}
