#!/bin/sh
# The program without a command: help, version, and what a slip of the hand gets.
# Why passing proves it: each sub-test is what a user types, with exit code, stdout and stderr all checked.
# shellcheck source=tests/support/tap.sh
. "$TAP"

subtest "--help lists the commands and the exit codes on stdout"
gref --help
exits 0
prints '^Usage: gref COMMAND' '^  help  ' '^Exit codes: 0 ok'
silent
leaves

subtest "-h is --help"
gref -h
exits 0
prints '^Usage: gref COMMAND'

subtest "no command at all: the help goes to stderr, exit 2"
gref
exits 2
prints_nothing
check "stderr is the help" grep -q '^Usage: gref COMMAND' ../err

subtest "--version is one line with the version of the library"
gref --version
exits 0
prints "^gref $GREF_VERSION\$"
check "one line" test "$(wc -l <../out)" -eq 1
silent

subtest "an unknown command names the closest"
gref hepl
exits 2
prints_nothing
complains "^gref: unknown command 'hepl', did you mean 'help'\?\$"
leaves

subtest "an unknown command that is like nothing points to --help"
gref zzzzzz
exits 2
prints_nothing
complains "^gref: unknown command 'zzzzzz', see gref --help\$"

subtest "an option in place of a command is called an option"
gref --frobnicate
exits 2
complains "^gref: unknown option '--frobnicate'"

subtest "a message stays one line whatever the argument holds"
gref 'a
b'
exits 2
complains "unknown command 'a\?b'"

subtest "help of a command comes from its table of options"
gref help help
exits 0
prints '^Usage: gref help \[COMMAND\]$' '^  --help  print this text$'
silent

subtest "help without a command is --help"
gref help
exits 0
prints '^Usage: gref COMMAND'

subtest "help of an unknown command"
gref help nonsense
exits 2
prints_nothing
complains "unknown command 'nonsense'"

subtest "an unknown option of a command names the closest"
gref help --hlep
exits 2
prints_nothing
complains "^gref help: unknown option '--hlep', did you mean '--help'\?\$"

subtest "an operand too many is shown"
gref help help again
exits 2
complains "^gref help: unexpected argument 'again', see gref help --help\$"

subtest "output that cannot be written is an error"
if [ -w /dev/full ]; then
    tap_command='gref --help >/dev/full' tap_code=0
    # shellcheck disable=SC2086
    ${GREF_WRAPPER-} "$GREF" --help >/dev/full 2>../err || tap_code=$?
    exits 2
    complains 'cannot write to standard output'
else
    check "there is no /dev/full here" true
fi

done_testing
