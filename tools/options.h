/* A strict parser of long options, and the --help that is printed from the same table. */
#ifndef GREF_OPTIONS_H
#define GREF_OPTIONS_H

#include <stdbool.h>

typedef struct {
    const char **item;
    int n;
} option_list;
void option_list_free(option_list *list); /* the items themselves belong to argv */

/* One option; exactly one of flag, text and list says where its value goes and so what kind it
 * is. */
typedef struct {
    const char *name;  /* without the dashes; NULL ends a table */
    const char *value; /* what the value is called in --help: "DIR"; NULL for a flag */
    const char *help;  /* one line, no full stop */
    bool *flag;        /* set to true */
    const char **text; /* NULL before; may be given once */
    option_list *list; /* SCOPED, {0} before; may be repeated */
} option;

/* Rows of a table of options, which ends with {0}. */
#define OPTION_FLAG(name_, flag_, help_)                                                           \
    {                                                                                              \
        .name = name_, .flag = flag_, .help = help_                                                \
    }
#define OPTION_TEXT(name_, value_, text_, help_)                                                   \
    {                                                                                              \
        .name = name_, .value = value_, .text = text_, .help = help_                               \
    }
#define OPTION_LIST(name_, value_, list_, help_)                                                   \
    {                                                                                              \
        .name = name_, .value = value_, .list = list_, .help = help_                               \
    }

typedef struct {
    const char *command;
    const char *arguments; /* as shown after the name: "CASE --out DIR [options]" */
    const char *about;     /* what the command does, lines of at most 80 columns */
    const option *options; /* ends with a row whose name is NULL */
    int min_operands, max_operands;
} usage;

/*
 * Accepts --name, --name VALUE, --name=VALUE, operands anywhere, and -- before operands that begin
 * with a dash. True: go on, with the operands in argv[0 .. *n - 1]. False: the command ends with
 * *exit_code; help was printed, or one line of complaint. The lists are to be freed in either case.
 */
bool options_parse(const usage *u, int argc, char **argv, int *n, int *exit_code);

#endif
