/* gref samplers: what samplers there are, and what each of them does. */
#include <gref/gref.h>

#include "cmd.h"
#include "options.h"

int cmd_samplers(int argc, char **argv)
{
    static const option options[] = {{0}};
    static const usage u = {
        .command = "samplers",
        .arguments = "[NAME]",
        .about =
            "Lists what a case's \"samplers\" may name: the rows of the table of methods, the\n"
            "schemes that move them, and presets, published code by name; with their keys.\n"
            "With the NAME of one, tells what its step does: the five functions of a singular\n"
            "value of A that it consists of (or its C), its keys and its literature.",
        .options = options,
        .max_operands = 1,
    };
    int n, code;
    char *text = NULL;
    if (!options_parse(&u, argc, argv, &n, &code))
        return code;
    CMD_TRY("samplers", gref_samplers_text(&text, n == 1 ? argv[0] : NULL));
    return cmd_print("samplers", text);
}
