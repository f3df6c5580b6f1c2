/* gref: the command table, and the few things that are not a command. */
#include <stdio.h>
#include <string.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

#include <gref/gref.h>

#include "base/guess.h"
#include "cmd.h"
#include "options.h"

static int cmd_help(int argc, char **argv);

/* One row each: the name, one line for --help, and the function, which lives in cmd_<name>.c. */
static const struct {
    const char *name, *summary;
    cmd_function *run;
} commands[] = {
    {"study", "the exact law, bias and W2 of every sampler of a case", cmd_study},
    {"golden", "write or verify a golden file: every number of a case, with tolerances",
     cmd_golden},
    {"check", "hold arrays, samples or a law of your own against a golden file", cmd_check},
    {"diagnose", "which convention or slip explains the difference?", cmd_diagnose},
    {"crosscheck", "hold the spectral path against the dense one, quantity by quantity",
     cmd_crosscheck},
    {"asymptotics", "how DPS and PiGDM meet CGDM as t -> 0: orders and coefficients",
     cmd_asymptotics},
    {"budget", "where the error of each sampler comes from, one source at a time", cmd_budget},
    {"replay", "run the samplers of a case on noise of your own", cmd_replay},
    {"samplers", "what samplers there are, and what each of them does", cmd_samplers},
    {"eval", "one function of a sampler at points of your own", cmd_eval},
    {"doctor", "test the BLAS and the arithmetic of this machine", cmd_doctor},
    {"w2", "the distance of two Gaussian laws in files, with a proof", cmd_w2},
    {"help", "explain a command", cmd_help},
};
enum { N_COMMANDS = sizeof commands / sizeof commands[0] };

static void print_help(FILE *out)
{
    fprintf(out, "Usage: gref COMMAND [arguments]\n\n"
                 "Exact laws of diffusion posterior samplers on Gaussian images.\n\n"
                 "Commands:\n");
    for (int k = 0; k < N_COMMANDS; k++)
        fprintf(out, "  %-12s %s\n", commands[k].name, commands[k].summary);
    fprintf(out, "\n'gref COMMAND --help' explains one command; 'gref --version' names this one.\n"
                 "Exit codes: 0 ok, 1 differs, 2 wrong usage or unusable input, 3 numerics not\n"
                 "trusted, 4 statistically undecided.\n");
}

static int run(int argc, char **argv)
{
    for (int k = 0; k < N_COMMANDS; k++)
        if (strcmp(commands[k].name, argv[0]) == 0)
            return commands[k].run(argc, argv);
    gref_guess g = {.word = argv[0]};
    for (int k = 0; k < N_COMMANDS; k++)
        gref_guess_consider(&g, commands[k].name);
    const char *what = argv[0][0] == '-' ? "option" : "command";
    if (g.best[0] != '\0')
        return cmd_complain(CMD_USAGE, NULL, "unknown %s '%s', did you mean '%s'?", what, argv[0],
                            g.best);
    return cmd_complain(CMD_USAGE, NULL, "unknown %s '%s', see gref --help", what, argv[0]);
}

static int cmd_help(int argc, char **argv)
{
    static const option options[] = {{0}};
    static const usage u = {
        .command = "help",
        .arguments = "[COMMAND]",
        .about = "Explains a command, or lists them all.",
        .options = options,
        .max_operands = 1,
    };
    int n, code;
    if (!options_parse(&u, argc, argv, &n, &code))
        return code;
    if (n == 0) {
        print_help(stdout);
        return CMD_OK;
    }
    char help[] = "--help";
    char *of_command[] = {argv[0], help, NULL};
    return run(2, of_command);
}

/* Matrices go back to the system when they are freed: what a study needs at its peak is what is
 * alive, 16 n^2 doubles. */
static void return_memory(void)
{
#ifdef __GLIBC__
    mallopt(M_MMAP_THRESHOLD, 2 << 20);  /* n = 512 */
    mallopt(M_TRIM_THRESHOLD, 64 << 20); /* small matrices come and go at every step */
#endif
}

int main(int argc, char **argv)
{
    int code = CMD_OK;
    return_memory();
    if (argc < 2) {
        print_help(stderr);
        code = CMD_USAGE;
    } else if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        print_help(stdout);
    } else if (strcmp(argv[1], "--version") == 0) {
        printf("gref %s\n", gref_version());
    } else {
        code = run(argc - 1, argv + 1);
    }
    bool said = code == CMD_USAGE || code == CMD_NUMERICS; /* why it failed */
    if ((fflush(stdout) != 0 || ferror(stdout)) && !said)
        code = cmd_complain(CMD_USAGE, NULL, "cannot write to standard output");
    return code;
}
