#include "base/internal.h"
#include "support.h"

#include <string.h>

static gref_status provoke(void)
{
    FAIL(GREF_ERR_SHAPE, "A is %d x %d", 64, 255);
    return GREF_OK;
}

/* The record must hold the values that a user needs, where they were refused, and the added
 * context. */
START_TEST(test_fail__record_holds_values_place_and_context)
{
    ck_fails(provoke(), GREF_ERR_SHAPE);
    const gref_error *e = gref_last_error();
    ck_assert_str_eq(e->message, "A is 64 x 255");
    ck_assert_str_eq(e->function, "provoke");
    ck_assert_int_eq(e->status, GREF_ERR_SHAPE);
    ck_assert_int_gt(e->line, 0);
    gref_fail_context(GREF_ERR_SHAPE, "file %s", "x.json");
    ck_assert_str_eq(gref_last_error()->message, "file x.json: A is 64 x 255");
}
END_TEST

/* A message longer than the record is cut, never written past its end (ASan watches). */
START_TEST(test_fail_context__long_messages_are_cut)
{
    char text[3000];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    gref_fail(GREF_ERR_IO, "f", 1, "g", 0, "%s", text);
    gref_fail_context(GREF_ERR_IO, "%s", text);
    ck_assert_uint_lt(strlen(gref_last_error()->message), sizeof gref_last_error()->message);
}
END_TEST

/* Every code has a text of its own, and a foreign value has one too. */
START_TEST(test_status_text__is_never_null)
{
    for (int s = 0; s <= GREF_ERR_EXISTS; s++)
        ck_assert_str_ne(gref_status_text((gref_status)s), "unknown status");
    ck_assert_str_eq(gref_status_text((gref_status)999), "unknown status");
}
END_TEST

int main(void)
{
    Suite *s = suite_create("status");
    TCase *tc = new_tcase(s, "status");
    tcase_add_test(tc, test_fail__record_holds_values_place_and_context);
    tcase_add_test(tc, test_fail_context__long_messages_are_cut);
    tcase_add_test(tc, test_status_text__is_never_null);
    return run_suite(s);
}
