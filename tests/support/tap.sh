# TAP for shell tests, to be sourced: every sub-test runs in an empty directory of its own.
#
#     . "$TAP"
#     subtest "an unknown command names the closest"
#     gref hepl
#     exits 2
#     prints_nothing
#     complains "did you mean 'help'"
#     leaves
#     done_testing
#
# A sub-test fails when any of its checks does, or when it has none.
# shellcheck shell=sh
set -u

tap_n=0 tap_failures=0 tap_name='' tap_checks=0 tap_failed=0
tap_top=$(mktemp -d)
trap 'rm -rf "$tap_top"' EXIT

subtest() {
    tap_close
    tap_n=$((tap_n + 1)) tap_name=$1 tap_checks=0 tap_failed=0 tap_command=''
    mkdir -p "$tap_top/$tap_n/work"
    cd "$tap_top/$tap_n/work" || exit 99
    : >../out
    : >../err
}

# run COMMAND...: its exit code, stdout and stderr are what the checks below look at.
run() {
    tap_command=$*
    tap_code=0
    "$@" >../out 2>../err </dev/null || tap_code=$?
}

# gref ARGUMENT...: run, for the program of this build; GREF_WRAPPER may be "valgrind --quiet ...".
gref() {
    # Split on purpose: it is a command with arguments.
    # shellcheck disable=SC2086
    run ${GREF_WRAPPER-} "$GREF" "$@"
}

# faulty FAULT COMMAND...: run, with that fault in BLAS, LAPACK or the machine (tests/fault/fault.c).
# AddressSanitizer insists on being the first library; a preloaded one that allocates nothing does it no harm.
faulty() {
    tap_fault=$1
    shift
    run env ASAN_OPTIONS="${ASAN_OPTIONS-}${ASAN_OPTIONS+:}verify_asan_link_order=0" \
        GREF_FAULT="$tap_fault" LD_PRELOAD="$GREF_FAULT_MODULE" "$@"
}

exits() {
    check "exit code is $1, it is $tap_code" test "$tap_code" -eq "$1"
}

# prints ERE...: stdout has a line that matches, for each ERE.
prints() {
    for tap_ere in "$@"; do
        check "stdout matches /$tap_ere/" grep -Eq -e "$tap_ere" ../out
    done
}

prints_nothing() {
    check "stdout is empty" test ! -s ../out
}

# complains ERE...: stderr is exactly one line, and it matches each ERE.
complains() {
    check "stderr is one line, it has $(wc -l <../err)" test "$(wc -l <../err)" -eq 1
    for tap_ere in "$@"; do
        check "stderr matches /$tap_ere/" grep -Eq -e "$tap_ere" ../err
    done
}

silent() {
    check "stderr is empty" test ! -s ../err
}

# leaves [NAME...]: the working directory holds these and nothing else.
leaves() {
    tap_want=$(for tap_file in "$@"; do printf '%s\n' "$tap_file"; done | LC_ALL=C sort)
    tap_have=$(find . -mindepth 1 | sed 's|^\./||' | LC_ALL=C sort)
    check "the directory holds '$tap_want', it holds '$tap_have'" test "$tap_have" = "$tap_want"
}

# check WHAT COMMAND...: any other condition; WHAT is printed when the command fails.
check() {
    tap_checks=$((tap_checks + 1))
    tap_what=$1
    shift
    if ! "$@" >>../check 2>&1; then
        tap_failed=1
        printf 'wanted: %s\n' "$tap_what" >>../why
    fi
}

skip_all() {
    echo "1..0 # SKIP $1"
    exit 0
}

tap_close() {
    [ "$tap_n" -gt 0 ] || return 0
    if [ "$tap_checks" -eq 0 ]; then
        tap_failed=1
        echo "wanted: at least one check" >>../why
    fi
    if [ "$tap_failed" -eq 0 ]; then
        echo "ok $tap_n - $tap_name"
    else
        tap_failures=$((tap_failures + 1))
        echo "not ok $tap_n - $tap_name"
        {
            cat ../why
            printf 'command: %s\n' "$tap_command"
            sed 's/^/stdout: /' ../out | head -n 20
            sed 's/^/stderr: /' ../err | head -n 20
            [ ! -s ../check ] || sed 's/^/check: /' ../check | head -n 20
        } | sed 's/^/# /'
    fi
}

done_testing() {
    tap_close
    echo "1..$tap_n"
    cd / || exit 99
    [ "$tap_failures" -eq 0 ] && [ "$tap_n" -gt 0 ]
    exit
}
