#!/bin/sh
# gref check as users run it: exit codes, the table, JSON, and one line for bad input.
# Why passing proves it: exit code and both streams are looked at every time, and no file may appear.
# --no-self-test where the self-test is not what is tested (guard.sh does): it takes longer than all else here.
# shellcheck source=tests/support/tap.sh
. "$TAP"

# setup: the folder `golden`.
setup() {
    "$SHELF" golden golden
}

# refused ERE...: exit 2, one line, nothing printed.
refused() {
    exits 2
    prints_nothing
    complains "$@"
}

subtest "the golden arrays agree with themselves"
setup
"$SHELF" take mine.npz
gref check golden mine.npz
exits 0
silent
prints '^array +verdict' '^A +agrees' '^and [0-9]+ more that agree' '^agrees: [0-9]+ of [0-9]+ arrays within tolerance$'

subtest "noise twice too large: N is at fault from the first step on"
setup
"$SHELF" theirs noise-x2 mine.npz M b N mean cov
gref check golden mine.npz --rtol 1e-9 --no-self-test
exits 1
prints '^pigdm/N/12 +differs' 'step from t = 12 to 11: N is at fault' '^differs: '

subtest "the worst row comes first"
setup
"$SHELF" theirs noise-x2 mine.npz M b N
gref check golden mine.npz --no-self-test
exits 1
check "differs, then agrees" awk '/ agrees / {seen = 1} / differs / && seen {bad = 1} END {exit bad || !seen}' ../out

subtest "--json is JSON with the same verdict"
setup
"$SHELF" theirs noise-x2 mine.npz M b N
gref check golden mine.npz --json --no-self-test
exits 1
prints '"schema": "gref-check/1"' '"verdict": "differs"' '"departs_at": 12' '"at_fault": "N"'

subtest "one .npy by --as"
setup
cp golden/pigdm/M/6.npy mine.npy
gref check golden mine.npy --as M/6 --no-self-test
exits 0
prints '^pigdm/M/6 +agrees'

subtest "a .npy without --as"
setup
cp golden/pigdm/M/6.npy mine.npy
gref check golden mine.npy --no-self-test
refused 'mine.npy' '--as NAME'

subtest "Fortran order and single precision are read as such"
setup
printf '\223NUMPY\001\000v\000%-117s\n' "{'descr': '<f4', 'fortran_order': True, 'shape': (24, 24), }" >mine.npy
head -c 2304 /dev/zero >>mine.npy
gref check golden mine.npy --as M/6 --no-self-test
exits 1
prints '\(single precision\)'

subtest "samples of the law agree"
setup
"$SHELF" draw mine.npz 4000 0
gref check golden mine.npz --no-self-test
exits 0
prints 'mean +p = ' 'eigenvectors +p = ' 'covariance +p = ' 'projections +p = ' 'W2 to the law' 'agrees: p = '

subtest "samples of another law differ"
setup
"$SHELF" draw mine.npz 4000 1
gref check golden mine.npz --no-self-test
exits 1
prints 'differs: p = '

subtest "few samples do not decide: exit 4, and how many would"
setup
"$SHELF" draw mine.npz 12 0
gref check golden mine.npz --no-self-test
exits 4
prints 'undecided: 12 samples cannot see a difference below W2 = .*about [0-9]+ would see'
"$SHELF" draw one.npz 1 0
gref check golden one.npz --no-self-test
exits 4
prints 'undecided: 1 sample cannot see a difference of covariances' 'covariance +not done: needs 2 samples'

subtest "a law of one's own, in W2 with its interval"
setup
"$SHELF" law mine.npz 0
gref check golden mine.npz --no-self-test
exits 0
prints '^mean, cov: agrees, W2 .* in \['
"$SHELF" law mine.npz 0.5
gref check golden mine.npz --no-self-test
exits 1
prints '^mean, cov: differs, W2 0.5'

subtest "an unknown name: the nearest is suggested"
setup
cp golden/pigdm/M/6.npy mine.npy
gref check golden mine.npy --as guided_scores/6 --no-self-test
refused 'mine.npy' "no 'guided_scores/6', did you mean 'guided_score/6'"

subtest "a wrong shape"
setup
cp golden/pigdm/b/6.npy mine.npy
gref check golden mine.npy --as M/6 --no-self-test
refused 'M/6 is 24 x 1, the golden array 24 x 24'

subtest "NaN, with its place"
setup
printf '\223NUMPY\001\000v\000%-117s\n' "{'descr': '<f8', 'fortran_order': False, 'shape': (24,), }" >mine.npy
head -c 16 /dev/zero >>mine.npy
printf '\000\000\000\000\000\000\370\177' >>mine.npy
head -c 168 /dev/zero >>mine.npy
gref check golden mine.npy --as b/6 --no-self-test
refused 'b/6 holds nan at \[2\]'

subtest "a sampler that is not there"
setup
"$SHELF" take mine.npz M
gref check golden mine.npz --sampler dps --no-self-test
refused "no sampler 'dps' in the golden file, it has pigdm"

subtest "no golden file: truncated, foreign, another schema, none"
setup
"$SHELF" take mine.npz M
head -c 300 mine.npz >cut.npz
gref check cut.npz mine.npz --no-self-test
refused 'cut.npz'
gref check mine.npz mine.npz --no-self-test
refused 'no manifest.json'
sed -i 's/gref-golden\/1/gref-golden\/2/' golden/manifest.json
gref check golden mine.npz --no-self-test
refused 'gref-golden/2' 'gref-golden/1'
gref check nowhere.npz mine.npz --no-self-test
refused 'nowhere.npz'
printf 'not json' >golden/manifest.json
gref check golden mine.npz --no-self-test
refused 'manifest.json:1'

subtest "a manifest whose sampler lacks its name or a word of its conventions: refused, not read"
for broken in name:pigdm guidance:score variance:beta_tilde start:standard r2:1-abar; do
    setup
    "$SHELF" take mine.npz M
    sed -i "s/\"${broken%:*}\": \"${broken#*:}\"/\"${broken%:*}\": 7/" golden/manifest.json
    gref check golden mine.npz --no-self-test
    refused "manifest.json: case.samplers.0 has no word for ${broken%:*}"
    gref diagnose golden mine.npz --no-self-test
    refused "manifest.json: case.samplers.0 has no word for ${broken%:*}"
    gref golden --verify golden --no-self-test
    refused "manifest.json: case.samplers.0 has no word for ${broken%:*}"
done
setup
"$SHELF" take mine.npz M
sed -i 's/"samplers": *\[/"samplers": [7, /' golden/manifest.json
gref check golden mine.npz --no-self-test
refused 'manifest.json: case.samplers.0 has no word for name'

subtest "a golden file of an image without pixels"
setup
"$SHELF" take mine.npz M
printf '\223NUMPY\001\000v\000%-117s\n' "{'descr': '<f8', 'fortran_order': False, 'shape': (0, 0), }" >golden/Sigma.npy
nothing=$(printf '' | sha256sum | cut -d' ' -f1)
sed -i "/\"name\": \"Sigma\"/,/sha256/s/\"sha256\": \"[^\"]*\"/\"sha256\": \"$nothing\"/" golden/manifest.json
gref check golden mine.npz --no-self-test
refused 'an image of 0 pixels'

subtest "a golden array that is not what its hash says"
setup
"$SHELF" take mine.npz M
cp golden/pigdm/M/9.npy golden/pigdm/M/6.npy
gref check golden mine.npz --no-self-test
refused "'pigdm/M/6' is not what manifest.json says"

subtest "a golden array that is missing"
setup
"$SHELF" take mine.npz M
rm golden/pigdm/N/6.npy
gref check golden mine.npz --no-self-test
refused 'pigdm/N/6'

subtest "a difference that could not be printed is not passed over: exit 2, one line"
if [ -w /dev/full ]; then
    setup
    "$SHELF" theirs noise-x2 mine.npz M b N
    tap_command='gref check golden mine.npz >/dev/full' tap_code=0
    # shellcheck disable=SC2086
    ${GREF_WRAPPER-} "$GREF" check golden mine.npz >/dev/full 2>../err || tap_code=$?
    exits 2
    complains 'cannot write to standard output'
else
    check "there is no /dev/full here" true
fi

subtest "wrong usage"
setup
gref check golden --no-self-test
refused 'an argument is missing'
gref check golden mine.npz --rtol -1 --no-self-test
refused '--rtol'
gref check golden mine.npz --resolve 0 --no-self-test
refused '--resolve'
gref check --help
exits 0
prints '--sampler LABEL' '--rtol X'

done_testing
