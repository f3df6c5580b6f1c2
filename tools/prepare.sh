# Shared by tools/demo and tools/test, which source it: packages, configuration, a word on progress.
# shellcheck shell=bash
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)

say() {
    printf '== %s\n' "$*" >&2
}

die() {
    printf '%s: %s\n' "$0" "$*" >&2
    exit 2
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    else
        sudo "$@"
    fi
}

# install_packages PURPOSE...: what tools/packages lists for them and is missing; no network if nothing is.
install_packages() {
    local missing=() package purpose
    command -v dpkg-query >/dev/null || {
        say "this is not Debian: what tools/packages lists must be there already"
        return
    }
    for purpose in "$@"; do
        while read -r package; do
            [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] ||
                missing+=("$package")
        done < <(awk -v purpose="$purpose" '$1 == purpose { print $2 }' "$root/tools/packages")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    [ "$(id -u)" -eq 0 ] || command -v sudo >/dev/null ||
        die "run me as root, or install sudo, or these packages yourself: ${missing[*]}"
    say "installing ${missing[*]}"
    local apt=(env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=300
        -o Acquire::Retries=3)
    if ! { as_root "${apt[@]}" update && as_root "${apt[@]}" install --no-install-recommends "${missing[@]}"; } >&2
    then
        die "apt-get could not install ${missing[*]}"
    fi
}

# configure DIR OPTION...: a build folder that is there already keeps its other options, and is begun anew
# when it is of no use any more (the project was moved, Meson is another).
configure() {
    local folder=$root/$1 log how
    log=$(mktemp)
    shift
    for how in --reconfigure --wipe; do
        [ -e "$folder/meson-private/coredata.dat" ] || how=''
        if meson setup ${how:+"$how"} "$@" "$folder" "$root" >"$log" 2>&1; then
            rm "$log"
            return 0
        fi
        [ -n "$how" ] || break
    done
    cat "$log" >&2
    rm "$log"
    return 1
}

# compile DIR TARGET...: quiet unless it fails.
compile() {
    local folder=$root/$1 log=$root/$1/build.log
    shift
    ninja -C "$folder" "$@" >"$log" 2>&1 || {
        cat "$log" >&2
        return 1
    }
}
