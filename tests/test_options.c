/* The option parser of the program: every form it accepts, and every slip it must refuse. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/guess.h"
#include "cmd.h"
#include "options.h"
#include "support.h"

static bool force;
static const char *out, *label;
static option_list sets;

static const option table[] = {
    {.name = "force", .help = "overwrite", .flag = &force},
    {.name = "label", .value = "NAME", .help = "a name", .text = &label},
    {.name = "out", .value = "DIR", .help = "where results go", .text = &out},
    {.name = "set", .value = "KEY=VALUE", .help = "override a key", .list = &sets},
    {0},
};
static const usage study = {
    .command = "study",
    .arguments = "CASE --out DIR [options]",
    .about = "About.",
    .options = table,
    .min_operands = 1,
    .max_operands = 2,
};

static int n, code;
static char *argv[16];
static char said[4096];

/* Parses `line`, split at blanks, and keeps what was said on stdout and stderr. */
static bool parse(const char *line)
{
    static char words[1024];
    snprintf(words, sizeof words, "study %s", line);
    int argc = 0;
    for (char *w = strtok(words, " "); w != NULL; w = strtok(NULL, " "))
        argv[argc++] = w;
    argv[argc] = NULL;
    force = false;
    out = label = NULL;
    option_list_free(&sets);

    fflush(NULL);
    FILE *file = tmpfile();
    int old_out = dup(STDOUT_FILENO), old_err = dup(STDERR_FILENO);
    dup2(fileno(file), STDOUT_FILENO);
    dup2(fileno(file), STDERR_FILENO);
    bool go_on = options_parse(&study, argc, argv, &n, &code);
    fflush(NULL);
    dup2(old_out, STDOUT_FILENO);
    dup2(old_err, STDERR_FILENO);
    close(old_out);
    close(old_err);
    rewind(file);
    said[fread(said, 1, sizeof said - 1, file)] = '\0';
    fclose(file);
    return go_on;
}

static void refuses(const char *line, const char *message)
{
    ck_assert_msg(!parse(line), "'%s' was accepted", line);
    ck_assert_int_eq(code, CMD_USAGE);
    char expected[1024];
    snprintf(expected, sizeof expected, "gref study: %s\n", message);
    ck_assert_str_eq(said, expected);
    option_list_free(&sets);
}

/* Both forms of a value, operands before and after, and --: the whole grammar in two lines. */
START_TEST(test_options_parse__accepts_every_form)
{
    ck_assert(parse("a --out dir --force --set x=1 b --set=y=2 --label=-"));
    ck_assert_str_eq(said, "");
    ck_assert_int_eq(n, 2);
    ck_assert_str_eq(argv[0], "a");
    ck_assert_str_eq(argv[1], "b");
    ck_assert(force);
    ck_assert_str_eq(out, "dir");
    ck_assert_str_eq(label, "-");
    ck_assert_int_eq(sets.n, 2);
    ck_assert_str_eq(sets.item[0], "x=1");
    ck_assert_str_eq(sets.item[1], "y=2");

    ck_assert(parse("- -- --out"));
    ck_assert_int_eq(n, 2);
    ck_assert_str_eq(argv[0], "-");
    ck_assert_str_eq(argv[1], "--out");
    ck_assert(out == NULL && !force && sets.n == 0);
    option_list_free(&sets);
}
END_TEST

/* The messages are compared whole: they are one line, and hold the offending word and the way
 * out. */
START_TEST(test_options_parse__refuses_with_one_line)
{
    refuses("a --ouy d", "unknown option '--ouy', did you mean '--out'?");
    refuses("a --ofrce", "unknown option '--ofrce', did you mean '--force'?");
    refuses("a --lab=3", "unknown option '--lab', did you mean '--label'?");
    refuses("a -out d", "unknown option '-out', did you mean '--out'?");
    refuses("a --frobnicate", "unknown option '--frobnicate', see gref study --help");
    refuses("a -x", "unknown option '-x', see gref study --help");
    refuses("a --out", "--out needs a value: --out DIR");
    refuses("a --out=", "--out needs a value: --out DIR");
    refuses("a --out --force", "--out needs a value: --out DIR");
    refuses("a --set", "--set needs a value: --set KEY=VALUE");
    refuses("a --force=yes", "--force takes no value, 'yes' was given");
    refuses("a --out b --out=c", "--out given twice, as 'b' and as 'c'");
    refuses("", "an argument is missing: gref study CASE --out DIR [options]");
    refuses("--force", "an argument is missing: gref study CASE --out DIR [options]");
    refuses("a b c", "unexpected argument 'c', see gref study --help");
}
END_TEST

/* A list that was begun before the refusal is freed by option_list_free; LeakSanitizer holds
 * this. */
START_TEST(test_option_list_free__after_a_refusal)
{
    ck_assert(!parse("a --set x=1 --nonsense"));
    ck_assert_int_eq(sets.n, 1);
    option_list_free(&sets);
    ck_assert(sets.item == NULL && sets.n == 0);
    option_list_free(&sets);
}
END_TEST

/* The help is compared whole, so each row of the table is in it, aligned. */
START_TEST(test_options_parse__help_is_the_table)
{
    ck_assert(!parse("a --help --nonsense"));
    ck_assert_int_eq(code, CMD_OK);
    ck_assert_str_eq(said, "Usage: gref study CASE --out DIR [options]\n"
                           "\n"
                           "About.\n"
                           "\n"
                           "Options:\n"
                           "  --force          overwrite\n"
                           "  --label NAME     a name\n"
                           "  --out DIR        where results go\n"
                           "  --set KEY=VALUE  override a key\n"
                           "  --help           print this text\n");
}
END_TEST

/* Every status has the exit code that the README promises; a new status must be decided here
 * too. */
START_TEST(test_cmd_exit_code__of_every_status)
{
#define CHECK_CODE(status, text)                                                                   \
    ck_assert_int_eq(cmd_exit_code(status), status == GREF_OK             ? 0                      \
                                            : status == GREF_ERR_NUMERICS ? 3                      \
                                                                          : 2);
    GREF_STATUS_LIST(CHECK_CODE)
}
END_TEST

/* A swap of neighbours is one edit, a prefix is none; a word twice as long as the name is not
 * alike. */
START_TEST(test_gref_guess__closest_name)
{
    static const struct {
        const char *word, *best;
    } cases[] = {
        {"study", "study"},  {"stduy", "study"},
        {"st", "study"},     {"chek", "check"},
        {"doctr", "doctor"}, {"w", "w2"},
        {"dw", ""},          {"", ""},
        {"studystudy", ""},  {"xyz", ""},
        {"goden", "golden"}, {"a-word-that-is-much-longer-than-any-name", ""},
    };
    static const char *names[] = {"check", "doctor", "golden", "study", "w2"};
    for (size_t k = 0; k < sizeof cases / sizeof cases[0]; k++) {
        gref_guess g = {.word = cases[k].word};
        for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
            gref_guess_consider(&g, names[i]);
        ck_assert_str_eq(g.best, cases[k].best);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("options");
    TCase *tc = new_tcase(suite, "options");
    tcase_add_test(tc, test_options_parse__accepts_every_form);
    tcase_add_test(tc, test_options_parse__refuses_with_one_line);
    tcase_add_test(tc, test_option_list_free__after_a_refusal);
    tcase_add_test(tc, test_options_parse__help_is_the_table);
    tcase_add_test(tc, test_cmd_exit_code__of_every_status);
    tcase_add_test(tc, test_gref_guess__closest_name);
    return run_suite(suite);
}
