/* A strict parser of long options, and the --help that is printed from the same table. */
#include "options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/guess.h"
#include "cmd.h"

static void print_help(const usage *u)
{
    printf("Usage: gref %s %s\n\n%s\n\nOptions:\n", u->command, u->arguments, u->about);
    int width = (int)strlen("--help");
    for (const option *o = u->options; o->name != NULL; o++) {
        int w =
            (int)(strlen("--") + strlen(o->name) + (o->value != NULL ? 1 + strlen(o->value) : 0));
        width = w > width ? w : width;
    }
    for (const option *o = u->options; o->name != NULL; o++) {
        int pad = width - (int)strlen("--") - (int)strlen(o->name);
        if (o->value != NULL)
            printf("  --%s %-*s  %s\n", o->name, pad - 1, o->value, o->help);
        else
            printf("  --%s%*s  %s\n", o->name, pad, "", o->help);
    }
    printf("  %-*s  print this text\n", width, "--help");
}

/* The option that `arg` ("--name" or "--name=value") names, or NULL. */
static const option *find(const usage *u, const char *arg)
{
    if (strncmp(arg, "--", 2) != 0)
        return NULL;
    size_t length = strcspn(arg + 2, "=");
    for (const option *o = u->options; o->name != NULL; o++)
        if (strlen(o->name) == length && strncmp(o->name, arg + 2, length) == 0)
            return o;
    return NULL;
}

static int complain_unknown(const usage *u, const char *arg)
{
    char word[64];
    size_t dashes = strspn(arg, "-");
    snprintf(word, sizeof word, "%.*s", (int)strcspn(arg + dashes, "="), arg + dashes);
    gref_guess g = {.word = word};
    for (const option *o = u->options; o->name != NULL; o++)
        gref_guess_consider(&g, o->name);
    gref_guess_consider(&g, "help");
    int length = (int)strcspn(arg, "=");
    if (g.best[0] != '\0')
        return cmd_complain(CMD_USAGE, u->command, "unknown option '%.*s', did you mean '--%s'?",
                            length, arg, g.best);
    return cmd_complain(CMD_USAGE, u->command, "unknown option '%.*s', see gref %s --help", length,
                        arg, u->command);
}

static bool append(option_list *list, const char *item, int argc)
{
    if (list->item == NULL)
        list->item = calloc((size_t)argc, sizeof *list->item);
    if (list->item == NULL)
        return false;
    list->item[list->n++] = item;
    return true;
}

/* Stores the value of `o`, given as --name=value or as the next argument (NULL at the end of
 * argv). */
static int take(const usage *u, const option *o, const char *arg, const char *next, int argc,
                bool *used)
{
    const char *equals = strchr(arg, '=');
    *used = false;
    if (o->flag != NULL) {
        if (equals != NULL)
            return cmd_complain(CMD_USAGE, u->command, "--%s takes no value, '%s' was given",
                                o->name, equals + 1);
        *o->flag = true;
        return CMD_OK;
    }
    const char *value = equals != NULL ? equals + 1 : next;
    *used = equals == NULL;
    if (value == NULL || *value == '\0' || (*used && strncmp(value, "--", 2) == 0))
        return cmd_complain(CMD_USAGE, u->command, "--%s needs a value: --%s %s", o->name, o->name,
                            o->value);
    if (o->list != NULL)
        return append(o->list, value, argc) ? CMD_OK
                                            : cmd_complain(CMD_USAGE, u->command, "out of memory");
    if (*o->text != NULL)
        return cmd_complain(CMD_USAGE, u->command, "--%s given twice, as '%s' and as '%s'", o->name,
                            *o->text, value);
    *o->text = value;
    return CMD_OK;
}

bool options_parse(const usage *u, int argc, char **argv, int *n, int *exit_code)
{
    bool operands_only = false;
    *n = 0;
    *exit_code = CMD_OK;
    for (int i = 1; i < argc; i++) {
        char *arg = argv[i];
        if (operands_only || arg[0] != '-' || arg[1] == '\0') {
            argv[(*n)++] = arg; /* n < i: nothing unread is overwritten */
            continue;
        }
        if (strcmp(arg, "--") == 0) {
            operands_only = true;
            continue;
        }
        if (strcmp(arg, "--help") == 0 || strcmp(arg, "-h") == 0) {
            print_help(u);
            return false;
        }
        const option *o = find(u, arg);
        bool used = false;
        *exit_code =
            o == NULL ? complain_unknown(u, arg) : take(u, o, arg, argv[i + 1], argc, &used);
        if (*exit_code != CMD_OK)
            return false;
        i += used;
    }
    if (*n < u->min_operands)
        *exit_code = cmd_complain(CMD_USAGE, u->command, "an argument is missing: gref %s %s",
                                  u->command, u->arguments);
    if (*n > u->max_operands)
        *exit_code =
            cmd_complain(CMD_USAGE, u->command, "unexpected argument '%s', see gref %s --help",
                         argv[u->max_operands], u->command);
    return *exit_code == CMD_OK;
}

void option_list_free(option_list *list)
{
    free(list->item);
    *list = (option_list){0};
}
