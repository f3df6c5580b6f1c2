/*
 * Every pair of deviations of different groups, planted and found, on blur and on inpainting. Slow:
 * two thousand searches through two thousand pairs; each problem takes every second pair.
 */
#include "plant.h"

static const char *const mixed[] = {"guided_score", "M", "b", "N", "y", NULL};

/* Does one of the two rows do nothing that the other's arrays would show, or is it no deviation of
 * the sampler? */
static bool reported_only(int k)
{
    const char *name = gref_catalogue_row(k)->name;
    return strcmp(name, "cov-over-N") == 0 || strcmp(name, "w2-squared") == 0 ||
           strcmp(name, "cov-as-root") == 0 || strcmp(name, "float32") == 0;
}

/* A pair is found by name, or what is named makes the same arrays: theirs.c is asked, which shares no formula with
 * the search. Pairs that leave no trace (a correct convention named again) are counted apart. */
START_TEST(slow_diagnose__finds_every_pair)
{
    int named = 0, equivalents = 0, silent = 0;
    bool blur = _i % 2 == 0;
    gref_truth *t = truth_for("r2-abar", blur);
    for (int a = 0; a < gref_catalogue_size; a++)
        for (int b = a + 1; b < gref_catalogue_size; b++) {
            if (strcmp(gref_catalogue[a].group, gref_catalogue[b].group) == 0 || reported_only(a) ||
                reported_only(b) || (a + b) % 8 != _i)
                continue;
            int found =
                plant_and_find(t, mixed, gref_catalogue_row(a)->name, gref_catalogue_row(b)->name);
            named += found == 1;
            equivalents += found == 2;
            silent += found == 0;
        }
    printf("# %s: %d pairs found by name, %d by an equivalent, %d leave no trace\n",
           blur ? "blur" : "inpainting", named, equivalents, silent);
    ck_assert(named > equivalents);
    gref_truth_free(t);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("slow_diagnose");
    TCase *tc = new_tcase(s, "pairs");
    tcase_set_timeout(tc, 3000);
    tcase_add_loop_test(tc, slow_diagnose__finds_every_pair, 0, 8);
    return run_suite(s);
}
