/* What every command of the program shares: its prototype, its exit codes, its one line of
 * complaint. */
#ifndef GREF_CMD_H
#define GREF_CMD_H

#include <stdbool.h>

#include <gref/status.h>

#include "base/internal.h"

enum {
    CMD_OK = 0,
    CMD_DIFFERS = 1,   /* what was compared is not the same */
    CMD_USAGE = 2,     /* wrong usage, or input that cannot be used */
    CMD_NUMERICS = 3,  /* the numerics of this machine cannot be trusted */
    CMD_UNDECIDED = 4, /* the samples do not decide the question */
};

/*
 * A command: argv[0] is its name, the return value is the exit code. Results go to stdout, all else
 * to stderr. Declare it here, give it a row in gref.c and a file cmd_<name>.c.
 */
typedef int cmd_function(int argc, char **argv);
cmd_function cmd_asymptotics;
cmd_function cmd_budget;
cmd_function cmd_check;
cmd_function cmd_crosscheck;
cmd_function cmd_diagnose;
cmd_function cmd_doctor;
cmd_function cmd_eval;
cmd_function cmd_golden;
cmd_function cmd_replay;
cmd_function cmd_samplers;
cmd_function cmd_study;
cmd_function cmd_w2;

/* Prints "gref COMMAND: message" as exactly one line on stderr (COMMAND may be NULL); gives
 * `code`. */
int cmd_complain(int code, const char *command, const char *fmt, ...) GREF_PRINTF(3, 4);
/* The exit code of a status, after printing the library's last message unless it is GREF_OK. */
int cmd_finish(const char *command, gref_status status);
/* After a result: one line on stderr if the BLAS that computed it was not tested, by
 * --no-self-test. */
void cmd_note_skipped(const char *command, bool skipped);
/* The same of the golden file that the result was held against. */
void cmd_warn_untested(const char *command, const char *path, bool untested);
/* The one place where a status becomes an exit code. */
int cmd_exit_code(gref_status status);

/* Prints the text and frees it; NULL is complained of as a lack of memory. Gives the exit code. */
int cmd_print(const char *command, char *text);
/* TRY for a function that gives an exit code. */
#define CMD_TRY(command, call)                                                                     \
    do {                                                                                           \
        gref_status status_ = (call);                                                              \
        if (status_ != GREF_OK)                                                                    \
            return cmd_finish((command), status_);                                                 \
    } while (0)

#endif
