#!/bin/sh
# gref diagnose as users run it.
# Why passing proves it: exit code and both streams are looked at every time.
# --no-self-test where the self-test is not what is tested (guard.sh does): it takes longer than all else here.
# shellcheck source=tests/support/tap.sh
. "$TAP"

refused() {
    exits 2
    prints_nothing
    complains "$@"
}

subtest "nothing to explain in the golden arrays"
"$SHELF" golden golden
"$SHELF" take mine.npz
gref diagnose golden mine.npz
exits 0
silent
prints '^nothing to explain: [0-9]+ arrays agree'

subtest "a deviation is named, with its sentence"
"$SHELF" golden golden
"$SHELF" theirs guidance-x2 mine.npz M b N
gref diagnose golden mine.npz
exits 1
silent
prints ' guidance-x2$' 'the guidance is twice too large' 'seen: a port of DPS'

subtest "--json lists name, distance, unexplained, sentence, best first"
"$SHELF" golden golden
"$SHELF" theirs variance-beta mine.npz mean cov
gref diagnose golden mine.npz --json --no-self-test
exits 1
prints '"schema": "gref-diagnosis/1"' '"name": "variance-beta"' '"distance": ' '"unexplained": ' '"sentence": ' \
    '"none_of_these": false'

subtest "from a single .npy, without the label"
"$SHELF" golden golden
"$SHELF" theirs r2-abar mine.npz C_vt
cp golden/pigdm/C_vt/6.npy right.npy
gref diagnose golden right.npy --as C_vt/6 --no-self-test
exits 0
gref diagnose golden mine.npz --sampler pigdm --no-self-test
exits 1
prints ' r2-abar$'

subtest "none of these, with the linear relation"
"$SHELF" golden golden
printf '\223NUMPY\001\000v\000%-117s\n' "{'descr': '<f8', 'fortran_order': False, 'shape': (24, 24), }" >mine.npy
head -c 4608 /dev/zero >>mine.npy
gref diagnose golden mine.npy --as M/6 --no-self-test
exits 1
prints '^none of these' 'times the golden array'

subtest "the catalogue is listed"
gref diagnose --list
exits 0
prints '^guidance-mean ' '^A-for-AT ' '^cov-over-N ' '^float32 ' 'condition_mean'

subtest "bad input"
"$SHELF" golden golden
"$SHELF" draw mine.npz 5 0
gref diagnose golden mine.npz --no-self-test
refused 'nothing to diagnose'
gref diagnose golden --no-self-test
refused 'an argument is missing'
gref diagnose golden nowhere.npz --no-self-test
refused 'nowhere.npz'
cp golden/pigdm/b/6.npy short.npy
gref diagnose golden short.npy --as M/6 --no-self-test
refused 'M/6 is 24 x 1, the golden array 24 x 24'
gref diagnose golden mine.npz --sampler dps --no-self-test
refused "no sampler 'dps'"

# Names were once left out in silence, and the rest diagnosed.
subtest "an unknown name among known ones: the nearest is suggested"
"$SHELF" golden golden
"$SHELF" take mine.npz M b
gref diagnose golden mine.npz --no-self-test
exits 0
cp golden/pigdm/M/6.npy mine.npy
gref diagnose golden mine.npy --as pigdm/MM/6 --no-self-test
refused "no 'pigdm/MM/6', did you mean 'pigdm/M/6'"

# With several samplers the first was once taken, whatever the arrays were.
subtest "names without a label in a file of several samplers: which sampler?"
file=$GREF_TEST_DATA/golden/grass-patches-8.npz
python3 -m zipfile -e "$file" .
gref diagnose "$file" dps/N/500.npy --as N/500 --no-self-test
refused "'N/500': of which sampler" 'ddpm, cgdm, pigdm, dps'
gref check "$file" dps/N/500.npy --as N/500 --no-self-test
refused "'N/500': of which sampler" 'ddpm, cgdm, pigdm, dps'
gref diagnose "$file" dps/N/500.npy --as cov --no-self-test
refused "'cov': of which sampler"
gref diagnose "$file" dps/N/500.npy --as N/500 --sampler dps --no-self-test
exits 0

# The first sampler was once diagnosed and the others left out in silence: exit 0 for a wrong pigdm.
subtest "several samplers: which one? What is not looked at is said, and no exit 0 if it differs"
file=$GREF_TEST_DATA/golden/grass-patches-8.npz
python3 -m zipfile -e "$file" .
mkdir -p mine/cgdm/M mine/pigdm/M
cp cgdm/M/500.npy mine/cgdm/M/500.npy
cp pigdm/M/50.npy mine/pigdm/M/500.npy
gref diagnose "$file" mine
refused 'several samplers, (cgdm and pigdm|pigdm and cgdm): --sampler'
gref diagnose "$file" mine --sampler cgdm
exits 1
prints '^nothing to explain: 1 arrays' '^1 arrays not looked at, some differ from the golden ones: pigdm/M/500$'
gref diagnose "$file" mine --sampler cgdm --json
exits 1
prints '"agrees": false' '"not_looked_at": 1'
cp pigdm/M/500.npy mine/pigdm/M/500.npy
gref diagnose "$file" mine --sampler cgdm
exits 0
prints '^1 arrays not looked at: pigdm/M/500$'

subtest "an image that is not flattened"
file=$GREF_TEST_DATA/golden/grass-patches-8.npz
printf '\223NUMPY\001\000v\000%-117s\n' "{'descr': '<f8', 'fortran_order': False, 'shape': (8, 8), }" >mine.npy
head -c 512 /dev/zero >>mine.npy
gref check "$file" mine.npy --as dps/y/500 --no-self-test
refused 'dps/y/500 is 8 x 8, the golden array 64 x 1: flatten it, row by row'

done_testing
