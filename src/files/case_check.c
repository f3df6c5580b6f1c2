/* Is a value what its row of the schema asks for? Every refusal names the key and the value. */
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

typedef struct {
    double low, high;
    char left, right; /* brackets: '(' and ')' exclude the end */
} interval;

static interval read_range(const char *range)
{
    interval r = {-INFINITY, INFINITY, '[', ')'};
    if (range != NULL)
        sscanf(range, "%c%lf,%lf%c", &r.left, &r.low, &r.high, &r.right);
    return r;
}

static bool in_range(const char *range, double x)
{
    interval r = read_range(range);
    return (r.left == '(' ? x > r.low : x >= r.low) && (r.right == ')' ? x < r.high : x <= r.high);
}

/* "> 0", ">= 1", "> 0 and <= 1" */
static void say_range(char said[64], const char *range)
{
    interval r = read_range(range);
    int used = snprintf(said, 64, "%s %.10g", r.left == '(' ? ">" : ">=", r.low);
    if (isfinite(r.high))
        snprintf(said + used, 64 - (size_t)used, " and %s %.10g",
                 r.right == ')' ? "<" : "<=", r.high);
}

static gref_status check_number(const gref_case *c, const gref_case_row *row, const char *key,
                                const json_t *value)
{
    char shown[GREF_CASE_SHOWN], said[64];
    gref_case_show(shown, value);
    CASE_REQUIRE(json_is_number(value), c, key, "%s must be a number, not %s", key, shown);
    say_range(said, row->legal);
    CASE_REQUIRE(in_range(row->legal, json_number_value(value)), c, key, "%s must be %s, not %s",
                 key, said, shown);
    return GREF_OK;
}

static gref_status check_integer(const gref_case *c, const gref_case_row *row, const char *key,
                                 const json_t *value)
{
    char shown[GREF_CASE_SHOWN];
    gref_case_show(shown, value);
    CASE_REQUIRE(json_is_integer(value), c, key, "%s must be an integer, not %s", key, shown);
    json_int_t i = json_integer_value(value);
    TRY(check_number(c, row, key, value));
    CASE_REQUIRE(row->type == GREF_CASE_SEED || i <= INT_MAX, c, key, "%s must be <= %d, not %s",
                 key, INT_MAX, shown);
    CASE_REQUIRE(row->type != GREF_CASE_ODD || i % 2 != 0, c, key, "%s must be odd, not %s", key,
                 shown);
    return GREF_OK;
}

static gref_status check_word(const gref_case *c, const gref_case_row *row, const char *key,
                              const json_t *value)
{
    char shown[GREF_CASE_SHOWN], word[64], list[GREF_CASE_LIST_SIZE];
    const char *words = row->legal, *given = json_string_value(value);
    if (given != NULL && gref_case_word_in(row->legal, given))
        return GREF_OK;
    gref_guess g = {.word = given};
    int count = gref_case_list_words(list, row->legal, "\"");
    while (given != NULL && gref_case_next_word(word, &words))
        gref_guess_consider(&g, word);
    gref_case_show(shown, value);
    const char *number = row->type == GREF_CASE_NUMBER_OR_WORD ? "a number or " : "";
    CASE_REQUIRE(g.best[0] == '\0' || count == 1, c, key,
                 "%s must be %s%s%s, not %s (did you mean %s?)", key, number,
                 count > 1 ? "one of " : "", list, shown, g.best);
    CASE_FAIL(c, key, "%s must be %s%s%s, not %s", key, number, count > 1 ? "one of " : "", list,
              shown);
    return GREF_OK;
}

/* Strings that are free: text, file names, labels. */
static gref_status check_string(const gref_case *c, const gref_case_row *row, const char *key,
                                const json_t *value)
{
    const char *what = row->type == GREF_CASE_TEXT             ? "a string"
                       : row->type == GREF_CASE_FILE           ? "a file name"
                       : row->type == GREF_CASE_NUMBER_OR_FILE ? "a number or a file name"
                                                               : "a label";
    const char *legal = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.+=-";
    const char *s = json_string_value(value);
    char shown[GREF_CASE_SHOWN];
    gref_case_show(shown, value);
    CASE_REQUIRE(s != NULL, c, key, "%s must be %s, not %s", key, what, shown);
    CASE_REQUIRE(*s != '\0' || row->type == GREF_CASE_TEXT, c, key, "%s must be %s, not empty", key,
                 what);
    if (row->type == GREF_CASE_LABEL)
        CASE_REQUIRE(s[strspn(s, legal)] == '\0' && strlen(s) < 64, c, key,
                     "%s must be 1 to 63 characters out of A-Z a-z 0-9 _ . + = -, not %s", key,
                     shown);
    return GREF_OK;
}

/* What a list of numbers has to be; the range of its row is that of every element. */
static const struct {
    const char *what;
    size_t length, least; /* entries that it has exactly (0: any number), at least */
    gref_case_type element;
    int order; /* 1: increasing, -1: decreasing */
} lists[] = {
    [GREF_CASE_BOX] = {"[row, col, rows, cols]", 4, 4, GREF_CASE_INT, 0},
    [GREF_CASE_SIZE] = {"[rows, cols]", 2, 2, GREF_CASE_INT, 0},
    [GREF_CASE_SPAN] = {"a list of two numbers", 2, 2, GREF_CASE_NUMBER, 0},
    [GREF_CASE_RISING] = {"a list of two numbers", 2, 2, GREF_CASE_NUMBER, 1},
    [GREF_CASE_INTS] = {"a list of integers", 0, 1, GREF_CASE_INT, 0},
    [GREF_CASE_TIMES] = {"a list of integers", 0, 2, GREF_CASE_INT, -1},
};

static gref_status check_list(const gref_case *c, const gref_case_row *row, const char *key,
                              const json_t *value)
{
    size_t length = lists[row->type].length, least = lists[row->type].least;
    int order = lists[row->type].order;
    double before = 0.0;
    char shown[GREF_CASE_SHOWN], element[GREF_CASE_KEY];
    gref_case_show(shown, value);
    CASE_REQUIRE(json_is_array(value) && (length == 0 || json_array_size(value) == length), c, key,
                 "%s must be %s, not %s", key, lists[row->type].what, shown);
    CASE_REQUIRE(json_array_size(value) > 0, c, key, "%s must not be empty", key);
    CASE_REQUIRE(json_array_size(value) >= least, c, key,
                 "%s must have at least %zu entries, not %s", key, least, shown);
    for (size_t k = 0; k < json_array_size(value); k++) {
        gref_case_row item = *row;
        item.type = lists[row->type].element;
        if (row->type == GREF_CASE_BOX)
            item.legal = k < 2 ? "[0,inf)" : "[1,inf)";
        gref_case_join_index(element, key, k);
        TRY(gref_case_check_value(c, &item, element, json_array_get(value, k)));
        double x = json_number_value(json_array_get(value, k));
        CASE_REQUIRE(k == 0 || order * (x - before) > 0.0 || order == 0, c, element,
                     "%s must %s, but %.17g comes after %.17g", key,
                     order > 0 ? "increase" : "decrease", x, before);
        before = x;
    }
    return GREF_OK;
}

/* {"fraction": f} or {"file": name}; {"mean": .., "cov": ..} of numbers or file names, one at least. */
static gref_status check_parts(const gref_case *c, const gref_case_row *row, const char *key,
                               const json_t *value)
{
    const gref_case_row parts[] = {
        {.key = "fraction", .type = GREF_CASE_NUMBER, .legal = "[0,1]"},
        {.key = "file", .type = GREF_CASE_FILE},
        {.key = "mean", .type = GREF_CASE_NUMBER_OR_FILE},
        {.key = "cov", .type = GREF_CASE_NUMBER_OR_FILE},
    };
    const char *name;
    json_t *part;
    char shown[GREF_CASE_SHOWN], at[GREF_CASE_KEY];
    bool start = row->type == GREF_CASE_START;
    gref_case_show(shown, value);
    CASE_REQUIRE(json_object_size(value) >= 1 && (start || json_object_size(value) == 1), c, key,
                 "%s must be a word or %s, not %s", key,
                 start ? "{\"mean\": .., \"cov\": ..}" : "{\"fraction\": f} or {\"file\": name}",
                 shown);
    json_object_foreach((json_t *)value, name, part)
    {
        const gref_case_row *found = NULL;
        for (int k = start ? 2 : 0; k < (start ? 4 : 2); k++)
            found = strcmp(parts[k].key, name) == 0 ? &parts[k] : found;
        gref_case_join(at, key, name);
        CASE_REQUIRE(found != NULL, c, at, "unknown key %s (known here: %s)", at,
                     start ? "mean, cov" : "fraction, file");
        TRY(gref_case_check_value(c, found, at, part));
        CASE_REQUIRE(!json_is_number(part) || !start || strcmp(name, "cov") != 0 ||
                         json_number_value(part) >= 0.0,
                     c, at, "%s must be >= 0, not %g", at, json_number_value(part));
    }
    return GREF_OK;
}

/* Fails unless the value is what the row asks for; objects and lists of them are not seen here. */
gref_status gref_case_check_value(const gref_case *c, const gref_case_row *row, const char *key,
                                  const json_t *value)
{
    char shown[GREF_CASE_SHOWN];
    switch (row->type) {
    case GREF_CASE_KIND:
    case GREF_CASE_WORD:
        return check_word(c, row, key, value);
    case GREF_CASE_TEXT:
    case GREF_CASE_FILE:
    case GREF_CASE_LABEL:
        return check_string(c, row, key, value);
    case GREF_CASE_INT:
    case GREF_CASE_ODD:
    case GREF_CASE_SEED:
        return check_integer(c, row, key, value);
    case GREF_CASE_NUMBER:
        return check_number(c, row, key, value);
    case GREF_CASE_NUMBER_OR_WORD:
        return json_is_number(value) ? GREF_OK : check_word(c, row, key, value);
    case GREF_CASE_NUMBER_OR_FILE:
        return json_is_number(value) ? GREF_OK : check_string(c, row, key, value);
    case GREF_CASE_VARIANCE:
    case GREF_CASE_START:
        return json_is_object(value) ? check_parts(c, row, key, value)
                                     : check_word(c, row, key, value);
    case GREF_CASE_BOX:
    case GREF_CASE_SIZE:
    case GREF_CASE_SPAN:
    case GREF_CASE_RISING:
    case GREF_CASE_INTS:
    case GREF_CASE_TIMES:
        return check_list(c, row, key, value);
    case GREF_CASE_BOOL:
        gref_case_show(shown, value);
        CASE_REQUIRE(json_is_boolean(value), c, key, "%s must be true or false, not %s", key,
                     shown);
        break;
    case GREF_CASE_OBJECT:
    case GREF_CASE_LIST:
        break;
    }
    return GREF_OK;
}
