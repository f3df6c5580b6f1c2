#!/bin/sh
# The golden files of cases.txt, made anew by the given program.
# Usage: generate.sh GREF_ORACLE FOLDER [NAME...]     FOLDER is reference/golden/oracle to renew them
# Radii are asked for far below the 30 digits that are written, so that these do not depend on how the balls grew.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
program=$1 folder=$2
shift 2
mkdir -p "$folder"
grep -v '^#' "$here/cases.txt" | while read -r name base at sets; do
    [ -n "$name" ] || continue
    case " $* " in
    "  " | *" $name "*) ;;
    *) continue ;;
    esac
    v=../inputs/v-$name.npy
    [ "$base" != scalar ] || v=../inputs/scalar-v.npy
    # $sets is split into words on purpose, and holds no patterns: set -f.
    set -f
    options=''
    for item in observation.file=$v $sets; do
        options="$options --set $item"
    done
    echo "$name" >&2
    # shellcheck disable=SC2086
    "$program" "$here/cases/$base.json" $options --at "$at" --rel-radius 1e-32 --force --out "$folder/$name.json"
    set +f
done
