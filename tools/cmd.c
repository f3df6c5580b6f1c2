/* Messages, exit codes and suggestions, shared by every command. */
#include "cmd.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A file name may hold a newline; a message is one line all the same. */
static void make_one_line(char *text)
{
    for (char *c = text; *c != '\0'; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            *c = '?';
}

int cmd_complain(int code, const char *command, const char *fmt, ...)
{
    char message[2048];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(message, sizeof message, fmt, ap);
    va_end(ap);
    make_one_line(message);
    fflush(stdout);
    fprintf(stderr, "gref%s%s: %s\n", command != NULL ? " " : "", command != NULL ? command : "",
            message);
    return code;
}

int cmd_finish(const char *command, gref_status status)
{
    if (status == GREF_OK)
        return CMD_OK;
    const char *message = gref_last_error()->message;
    return cmd_complain(cmd_exit_code(status), command, "%s",
                        message[0] != '\0' ? message : gref_status_text(status));
}

void cmd_note_skipped(const char *command, bool skipped)
{
    if (skipped)
        cmd_complain(CMD_OK, command, "note: the BLAS was not tested");
}

void cmd_warn_untested(const char *command, const char *path, bool untested)
{
    if (untested)
        cmd_complain(
            CMD_OK, command,
            "warning: %s was written with --no-self-test: nobody tested the BLAS that computed it",
            path);
}

int cmd_exit_code(gref_status status)
{
    switch (status) {
    case GREF_OK:
        return CMD_OK;
    case GREF_ERR_NUMERICS:
        return CMD_NUMERICS;
    case GREF_ERR_SHAPE:
    case GREF_ERR_RANGE:
    case GREF_ERR_NONFINITE:
    case GREF_ERR_NOT_SYMMETRIC:
    case GREF_ERR_NOT_PSD:
    case GREF_ERR_NOT_PD:
    case GREF_ERR_NOMEM: /* the case is too large for this machine: choose another */
    case GREF_ERR_IO:
    case GREF_ERR_FORMAT:
    case GREF_ERR_CASE:
    case GREF_ERR_EXISTS:
    case GREF_ERR_CANCELLED:
        return CMD_USAGE;
    }
    return CMD_USAGE;
}

int cmd_print(const char *command, char *text)
{
    if (text == NULL)
        return cmd_complain(CMD_NUMERICS, command, "out of memory");
    fputs(text, stdout);
    free(text);
    return CMD_OK;
}
