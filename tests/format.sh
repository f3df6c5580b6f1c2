#!/bin/sh
# The layout of every C file is clang-format's, and functions of the library and the program fit a screen.
# Why passing proves it: clang-format itself says what it would change, with the tree's .clang-format; the length of a
# function is that between the braces in the first column, which is where clang-format puts them.
# Usage: format.sh SOURCE_DIR    (TAP in the environment)
# shellcheck source=tests/support/tap.sh
. "$TAP"
source=$1
files=$(find "$source/include" "$source/src" "$source/tools" "$source/reference" "$source/tests" -name '*.[ch]' | sort)

# long_functions FILE...: "FILE: FIRST LINE has N lines" for each function of more than 50.
long_functions() {
    awk 'FNR == 1 { begin = 0 }
        /^[A-Za-z].*\(/ && !/;/ { name = $0 }
        /^\{/ { begin = FNR }
        /^\}/ && begin { if (FNR - begin > 51) print FILENAME ": " name " has " FNR - begin - 1 " lines"; begin = 0 }' "$@"
}

if command -v clang-format >/dev/null; then
    subtest "clang-format would change nothing"
    # Split on purpose: no file here has a blank in its name.
    # shellcheck disable=SC2086
    run clang-format --dry-run -Werror $files
    exits 0
    silent
else
    subtest "clang-format would change nothing # SKIP clang-format is not installed"
    check "not looked at" true
fi

subtest "a function of 51 lines is found, one of 50 is not"
for n in 50 51; do
    { echo "int f(void)"; echo "{"; seq "$n"; echo "}"; } >"$n.c"
done
check "51 lines are too many" test "$(long_functions 51.c)" = "51.c: int f(void) has 51 lines"
check "50 lines fit" test -z "$(long_functions 50.c)"

subtest "no function of src, tools and reference has more than 50 lines"
found=$(find "$source/src" "$source/tools" "$source/reference" -name '*.c' | sort | while read -r file; do
    long_functions "$file"
done)
check "none, but: $found" test -z "$found"

# What does not fail: tables of test cases, and comments that clang-format leaves as they are.
# shellcheck disable=SC2046,SC2086
{
    long_functions $(find "$source/tests" -name '*.c') | sed "s|^$source/|# long: |"
    echo "# lines beyond 100 columns: $(cat $files | awk 'length > 100' | wc -l)"
}

done_testing
