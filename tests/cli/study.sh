#!/bin/sh
# gref study as users run it: what it leaves, what it prints, and what it says to bad input.
# Why passing proves it: exit code, both streams and the folder are checked every time, so a half-written
# file, a second line of complaint or an unnamed value fails.
# shellcheck source=tests/support/tap.sh
. "$TAP"

files='summary.json w2.csv arrays.npz problem.png bias.png samples.png w2.svg'

gref() {
    # GREF_WRAPPER is split on purpose: it is a command with arguments.
    # shellcheck disable=SC2086
    run ${GREF_WRAPPER-} "$GREF" "$@"
}

# case [JSON MEMBERS]: case.json of an 8 x 8 crop, T = 20; members given replace the standard ones.
small='"schema": "gref-case/1", "image": {"file": "grass.png", "crop": [200, 100, 8, 8]}'
blur='"operator": {"kind": "gaussian_blur", "std": 1.0, "size": 3}'
rest='"noise": {"sigma": 0.3}, "schedule": {"kind": "linear", "beta": [1e-3, 0.3], "steps": 20}'
setup() {
    ln -s "$GREF_TEST_DATA/images/grass.png" grass.png
    printf '{%s,\n%s,\n%s}\n' "$small" "${1-$blur}" "${2-$rest}" >case.json
}

# drawn ARGUMENT...: gref study whose gnuplot draws nothing, but leaves all text that it was to draw in drawn.txt.
drawn() {
    mkdir -p bin
    printf '#!/bin/sh\ncat "$3"/*.txt >"%s/drawn.txt"\n' "$PWD" >bin/gnuplot
    chmod +x bin/gnuplot
    old_path=$PATH PATH=$PWD/bin:$PATH
    gref study case.json --out out "$@"
    PATH=$old_path
    exits 0
}

# says ERE / says_not ERE: a line of that text, or none. Its fields lie between tabs: kind, row, col, four more.
says() {
    check "the pictures say $1" grep -Eq -e "$1" drawn.txt
}
says_not() {
    check "the pictures do not say $1" sh -c "! grep -Eq -e \"\$1\" drawn.txt" sh "$1"
}

# Little noise: dps is unstable from the first step on, and its law stays within doubles.
unstable='"noise": {"sigma": 1e-3}, "schedule": {"kind": "linear", "steps": 20, "beta": [1e-3, 0.3]}'

# refused CODE ERE...: one line that names the value, no output folder, nothing else left.
refused() {
    exits "$1"
    shift
    prints_nothing
    complains "$@"
    check "no output folder" test ! -e out
    check "no staging folder" test -z "$(find . -name '.gref*')"
}

subtest "a study leaves all its files and prints the table"
setup
gref study case.json --out out
exits 0
prints '^cgdm ' '^pigdm ' '^dps ' 'At t = 0, against the posterior' '^files in out$'
# shellcheck disable=SC2046
leaves grass.png case.json out $(for f in $files; do echo "out/$f"; done)
silent

subtest "w2.csv has the header and a row for every reported t of every sampler"
setup
gref study case.json --out out --set report.w2_every=5 --set 'report.laws_at=[3,0]'
exits 0
check "header" test "$(head -n 1 out/w2.csv)" = "sampler,t,w2,w2_mean,w2_cov"
check "3 samplers x t = 20 15 10 5 3 0" test "$(wc -l <out/w2.csv)" -eq 19
check "no inf, no nan" sh -c '! grep -Eiq "inf|nan" out/w2.csv'

subtest "--json prints summary.json and nothing else"
setup
gref study case.json --out out --json
exits 0
check "stdout is the file" cmp ../out out/summary.json

subtest "nothing is overwritten without --force, and with it all is replaced"
setup
mkdir out
echo mine >out/w2.csv
gref study case.json --out out
exits 2
complains 'out/w2.csv exists; --force'
check "the file is untouched" test "$(cat out/w2.csv)" = mine
gref study case.json --out out --force
exits 0
check "replaced" grep -q '^cgdm,20,' out/w2.csv

subtest "other files in the folder are nobody's business"
setup
mkdir out
echo keep >out/notes.txt
gref study case.json --out out
exits 0
check "kept" test "$(cat out/notes.txt)" = keep

subtest "--print-case completes the case and writes nothing; it is a case again"
setup
gref study case.json --print-case --set operator.std=2.0
exits 0
prints '"std": 2.0' '"boundary": "periodic"' '"variance": "beta_tilde"' '"laws_at"'
leaves grass.png case.json
cp ../out again.json
gref study again.json --print-case
check "a fixed point" cmp ../out again.json

subtest "a missing parent of --out is made"
setup
gref study case.json --out a/b/out
exits 0
check "made" test -s a/b/out/summary.json

subtest "progress goes to stderr on demand"
setup
gref study case.json --out out --progress
exits 0
check "progress lines" grep -q '^gref study: ' ../err
check "stdout has none" sh -c '! grep -q "%" ../out'

subtest "a diverging DPS is reported as such, never as inf or nan"
setup "$blur" '"noise": {"sigma": 1e-3}, "schedule": {"kind": "linear", "steps": 300, "beta": [1e-3, 0.05]}'
gref study case.json --out out --set report.w2_every=20
exits 0
prints '^dps .*diverged' 'eigenvalue of M_t below -1' 'from t = [0-9]+ on'
check "csv says diverged" grep -q '^dps,0,diverged,diverged,diverged$' out/w2.csv
check "no inf or nan in text files" sh -c '! grep -Eiq "[^a-z](inf|nan)[^a-z]" out/w2.csv out/summary.json'
check "summary says so" grep -q '"stable": false' out/summary.json
gref study case.json --out out --force --set report.w2_every=20 --set 'report.laws_at=[5,0]' --set 'samplers=[{"name":"dps"}]'
exits 0
prints '^dps +diverged +diverged$'
silent

subtest "problem.png: v within the gray scale, or on one of its own"
setup '"operator": {"kind": "identity"}'
drawn
says 'Gray scale .* in all panels'
drawn --force --set noise.sigma=3
says 'Gray scale .*, but for v, which has its own'
says '^panel.*v, on \[-[0-9.]+, [0-9.]+\]$'

subtest "samples.png says whose noise is whose, and its gray scale"
setup
drawn
says 'same noise in every row of a column \(common seed\). Posterior: exact, drawn independently'
says 'Gray scale \[-[0-9.]+, [0-9.]+\]'
says_not 'clipped: values|unstable'

subtest "samples.png says which samplers are unstable"
setup "$blur" "$unstable"
drawn
says '^note.* of the posterior and the stable samplers\.$'
says '^label.*dps, unstable, clipped: values in \[-.*e\+[0-9]+'

subtest "bias.png says its scale, and which panels exceed it or are too faint to be seen"
setup
drawn --set 'report.laws_at=[16,0]'
says '^title.*Bias m_t − μ_\{t\|v\}'
says 'One colour scale, ±[0-9.e-]+: the largest \|m_t − μ_\{t\|v\}\|\.'
says '^panel.*t = 16, max [0-9.e-]+'
says_not ', clipped'
drawn --force --set noise.sigma=1e-3
says 'the largest .* of the stable samplers'
says '^panel.*t = [0-9]+, max [0-9.]+e\+[0-9]+, clipped$'
says '^panel.*t = [0-9]+, max [0-9.e-]+, faint$'

subtest "bias.png of one unstable sampler"
setup "$blur" "$unstable"
drawn --set 'samplers=[{"name": "dps"}]' --set 'report.laws_at=[16,8,0]'
says 'No sampler is stable'
says '^panel.*t = 0, max .*, clipped$'
says_not 'max .*, faint'

subtest "a label is never read as markup: the curves name it letter by letter"
setup
gref study case.json --out out --set 'samplers=[{"name": "cgdm", "label": "a_b.c=d"}]'
exits 0
check "in w2.svg" grep -q "a_b.c=d" out/w2.svg
check "in every layer of text but the heading's" sh -c "! grep 'with labels' \"\$1\" | grep -v noenhanced | grep -Ev \"'title'|'note'\"" \
    sh "$GREF_TEST_DATA/../src/study/gp/panels.gp"

subtest "a gnuplot that fails, or none, costs the pictures and not the study: a note says so"
setup
mkdir bin
printf '#!/bin/sh\necho "line 3: no such terminal" >&2\nexit 1\n' >bin/gnuplot
chmod +x bin/gnuplot
old_path=$PATH PATH=$PWD/bin:$PATH
gref study case.json --out out
PATH=$old_path
exits 0
complains 'gnuplot failed, pictures may be missing: line 3: no such terminal$'
leaves grass.png case.json bin bin/gnuplot out out/summary.json out/w2.csv out/arrays.npz
printf '#!/bin/sh\nexit 127\n' >bin/gnuplot
PATH=$PWD/bin:$PATH
gref study case.json --out out --force
PATH=$old_path
exits 0
complains 'gnuplot is not installed: no pictures were drawn$'
check "summary.json has the note" grep -q '"note": "gnuplot is not installed' out/summary.json

# Truth by gref-oracle: W2 at t = 0 is 2.9e25, after a peak of 1e44; the recursion in double ends near 6e37.
subtest "a law that rounding has eaten is called lost, on no path printed as a number"
setup ''
oracle=$GREF_TEST_DATA/oracle
set -- --set observation.file="$oracle/inputs/v-lost.npy" --set 'operator={"kind":"matrix","file":"'"$oracle"'/inputs/matrix-mixing.npy"}' \
    --set 'prior={"kind":"gaussian","mean":0.0,"cov":"'"$oracle"'/inputs/cov-strong.npy"}' --set noise.sigma=0.2
gref study "$oracle/cases/covariance.json" --out out "$@" --set 'samplers=[{"name":"dps"}]' --set report.laws_at=[800,600,400,0]
exits 0
prints '^dps +5\.6743e\+00 2\.5805e\+34 +lost +lost$' 'is lost to rounding from t = [0-9]+ on'
check "csv says lost" grep -q '^dps,0,lost,lost,lost$' out/w2.csv
check "summary.json says lost, and where" sh -c 'grep -q "\"lost\": true" out/summary.json && grep -q "\"lost_at\": [0-9]" out/summary.json'
check "no array of it" sh -c 'grep -aq dps/cov/600 out/arrays.npz && ! grep -aq dps/cov/400 out/arrays.npz'

subtest "guidance after: the note that C_{v|t} is unused"
setup
gref study case.json --out out --set conventions.guidance=after --set conventions.zeta=0.1
exits 0
complains 'guidance "after" does not use C_'

subtest "dps-norm has no law to study: alone it is refused before anything is computed, beside others it is left out by name"
setup
gref study case.json --out out --set 'samplers=[{"name": "dps-norm", "zeta": 0.5}]'
refused 2 'sampler dps-norm: dps-norm has no Gaussian law' 'replayed'
gref study case.json --out out --set 'samplers=[{"name": "dps-norm", "zeta": 0.5}, {"name": "cgdm"}]'
exits 0
prints '^cgdm .* none$' '^not studied, for want of a Gaussian law: dps-norm$'
check "the summary too" grep -q '"not_studied": "dps-norm"' out/summary.json

subtest "without an operator a study is of the prior: the same law as ddpm's, held against it, and nothing of v"
setup
gref study case.json --out out --set 'samplers=[{"name": "ddpm", "target": "prior"}]'
exits 0
with=$(sed -n 's/^ddpm .*(\(.*\))$/\1/p' ../out | head -1)
gref study case.json --out bad --set 'operator={"kind": "none"}'
exits 2
complains 'noise has no use: the operator is "none"'
rm -r out case.json grass.png
setup '"operator": {"kind": "none"}' '"schedule": {"kind": "linear", "beta": [1e-3, 0.3], "steps": 20}'
gref study case.json --out out
exits 0
prints ', no operator, T = ' '^unconditional '
check "the same distance" grep -q "($with)" ../out
gref study case.json --out guided --set 'samplers=[{"name": "dps"}]'
exits 2
complains 'samplers.0, "dps", uses v, and the operator is "none"'

# Steps are linear in zeta: what the table calls stable is, a little more is not, on either path.
for path in dense spectral; do
    subtest "the largest stable zeta is stable, and 1 % more is not, on the $path path"
    setup
    after() {
        gref study case.json --out out --force --path "$path" \
            --set "samplers=[{\"name\": \"dps\", \"guidance\": \"after\", \"zeta\": $1}]"
        exits 0
    }
    after 40
    prints '^ +every step is stable up to zeta = [0-9.]+$'
    zeta=$(sed -n 's/.* stable up to zeta = //p' ../out)
    after "$(awk "BEGIN {print 0.99*$zeta}")"
    prints '^dps .* none$'
    after "$(awk "BEGIN {print 1.01*$zeta}")"
    prints '^dps .* from t = [0-9]+ on'
done

subtest "no --out"
setup
gref study case.json
refused 2 '--out DIR is missing'

subtest "no case file"
gref study nowhere.json --out out
refused 2 'nowhere.json'

subtest "a folder that cannot be written"
setup
gref study case.json --out /proc/nowhere/out
refused 2 '/proc'

subtest "--out is a file"
setup
echo x >file
gref study case.json --out file
refused 2 'file exists and is not a folder'

subtest "a truncated PNG"
setup
rm grass.png
head -c 2000 "$GREF_TEST_DATA/images/grass.png" >grass.png
gref study case.json --out out
refused 2 'grass.png' 'case.json:1'

subtest "a file that is no PNG"
setup
rm grass.png
echo hello >grass.png
gref study case.json --out out
refused 2 'case.json:1: image.file: .*grass.png is not a PNG file$'

subtest "a truncated .npy"
setup '"operator": {"kind": "kernel", "file": "k.npy"}'
printf '\223NUMPY\001\000v\000{' >k.npy
gref study case.json --out out
refused 2 'k.npy' 'operator.file'

subtest "a crop outside the image"
setup
gref study case.json --out out --set 'image.crop=[510,0,8,8]'
refused 2 '510' '512'

subtest "an even kernel size"
setup '"operator": {"kind": "gaussian_blur", "std": 1.0, "size": 4}'
gref study case.json --out out
refused 2 'case.json:2' 'operator.size' '4'

subtest "sigma < 0"
setup "$blur" '"noise": {"sigma": -0.5}'
gref study case.json --out out
refused 2 'case.json:3' 'noise.sigma' '-0.5'

subtest "sigma = 0 with a singular A Sigma A^T (ADSN: its mean frequency is 0)"
setup
gref study case.json --out out --set noise.sigma=0
refused 2 'sigma = 0' 'singular'

subtest "a sigma whose square is no double, or a problem that it does not make regular: one line names it"
setup
gref study case.json --out out --set noise.sigma=1e300
refused 2 'noise.sigma=1e300: noise.sigma = 1e\+300 is above 1e\+150, where A Sigma A\^T \+ sigma\^2 I overflows$'
gref study case.json --out out --set noise.sigma=1e-160
refused 2 'noise.sigma=1e-160: noise.sigma = 1e-160 is so small that sigma\^2 underflows'
gref study case.json --out out --set noise.sigma=1e-20
refused 2 'noise.sigma=1e-20: noise.sigma: sigma = 1e-20 and A Sigma A\^T is singular to rounding \(A is 64 x 64, Sigma 64 x 64'
gref study case.json --path spectral --out out --set noise.sigma=1e-20
refused 2 'noise.sigma=1e-20: noise.sigma: sigma = 1e-20 and A Sigma A\^T is singular to rounding \(A is 64 x 64, Sigma 64 x 64'

subtest "a sigma above the rounding of A's singular values is enough, on either path, though its square is none beside A A^T"
setup
for path in dense spectral; do
    gref study case.json --path $path --out $path --set noise.sigma=1e-12
    exits 0
    prints '^cgdm ' '^pigdm '
done

subtest "a sigma far below rounding is no trouble where A Sigma A^T is regular"
setup '"operator": {"kind": "inpainting", "keep": 0.1}'
gref study case.json --out out --set noise.sigma=1e-30 --set 'samplers=[{"name": "cgdm"}, {"name": "pigdm"}]'
exits 0
prints '^cgdm ' '^pigdm '
gref study case.json --out more --set noise.sigma=1e-30
exits 0
prints '^dps +diverged'

# one_number.npy, 1 x 1, of the eight bytes that printf makes of $1
one_number() {
    printf '\223NUMPY\001\000v\000%-117s\n' "{'descr': '<f8', 'fortran_order': False, 'shape': (1, 1), }" >one_number.npy
    # shellcheck disable=SC2059
    printf "$1" >>one_number.npy
}

subtest "a covariance of 1e290 is refused; it was called a law that diverges"
setup
one_number '\137\006\172\236\316\205\044\174'
printf '{"schema": "gref-case/1", "prior": {"kind": "gaussian", "mean": 0, "cov": "one_number.npy"},\n"operator": {"kind": "identity"}, "noise": {"sigma": 1}}' >case.json
gref study case.json --out out
refused 2 'case.json:1: prior.cov: the spread of the prior, .* of 1 pixels, is above 1e\+125, where covariances overflow: scale'

subtest "a matrix of 1e290: A Sigma A^T overflows"
setup
one_number '\137\006\172\236\316\205\044\174'
gref study case.json --out out --set 'image.crop=[0,0,1,1]' --set 'operator={"kind": "matrix", "file": "one_number.npy"}'
refused 2 'operator.file: A Sigma A\^T \+ sigma\^2 I overflows with noise.sigma = 0.3: A is 1 x 1 with entries up to'

subtest "a factor that does not divide"
setup
gref study case.json --out out --set 'operator={"kind": "super_resolution", "factor": 3}'
refused 2 '3' '8'

subtest "an empty mask"
setup
gref study case.json --out out --set 'operator={"kind": "inpainting", "box": [0, 0, 8, 8]}'
refused 2 'operator'

subtest "a share of the pixels that rounds to none is an empty mask, not one pixel"
setup
gref study case.json --out out --set 'operator={"kind": "inpainting", "keep": 0.0001}'
refused 2 '^gref study: --set operator=.*operator.keep: keep = 0.0001[0-9]* of 8 x 8 pixels rounds to none'

subtest "v of the wrong length"
setup
printf '\223NUMPY\001\000v\000%-117s\n' "{'descr': '<f8', 'fortran_order': False, 'shape': (3,), }" >v.npy
head -c 24 /dev/zero >>v.npy
gref study case.json --out out --set 'observation={"kind": "file", "file": "v.npy"}'
refused 2 'v.npy|observation' '3' '64'

subtest "NaN in an array"
setup '"operator": {"kind": "kernel", "file": "k.npy"}'
printf '\223NUMPY\001\000v\000%-117s\n' "{'descr': '<f8', 'fortran_order': False, 'shape': (1, 1), }" >k.npy
printf '\000\000\000\000\000\000\370\177' >>k.npy
gref study case.json --out out
refused 2 'k.npy|operator' 'nan'

subtest "a case of another schema"
setup
sed -i 's/gref-case\/1/gref-case\/9/' case.json
gref study case.json --out out
refused 2 'gref-case/9' 'gref-case/1'

subtest "an n whose matrices do not fit"
setup
gref study case.json --out out --path dense --set 'image.crop=[0,0,256,256]'
refused 2 'GiB'

subtest "an unknown key names the closest"
setup "$blur" '"noise": {"sigm": 0.5}'
gref study case.json --out out
refused 2 'case.json:3' 'noise.sigm' 'sigma'

subtest "a covariance that is not PSD is refused with its most negative eigenvalue"
setup
printf '\223NUMPY\001\000v\000%-117s\n' "{'descr': '<i4', 'fortran_order': False, 'shape': (2, 2), }" >C.npy
printf '\001\000\000\000\002\000\000\000\002\000\000\000\001\000\000\000' >>C.npy
printf '{"schema": "gref-case/1", "prior": {"kind": "gaussian", "mean": 0, "cov": "C.npy"},\n"operator": {"kind": "identity"}, "noise": {"sigma": 1}}' >case.json
gref study case.json --out out
refused 2 'case.json:1' 'positive semi-definite' '-1|-0.99'

subtest "dps cannot do sigma = 0, and says so; the others can"
setup "$blur" '"noise": {"sigma": 0}'
window='prior={"kind": "adsn_window", "window": [0, 0, 4, 4]}'
gref study case.json --out out --set "$window" --set operator.kind=identity --set schedule.steps=20
refused 2 'sampler dps' 'sigma > 0'
gref study case.json --out out --set "$window" --set operator.kind=identity --set schedule.steps=20 \
    --set 'samplers=[{"name": "cgdm"}, {"name": "pigdm"}, {"name": "ddpm"}]'
exits 0
prints '^pigdm ' '^ddpm '

# Ten seconds of steps at least, so that the signal finds a study with a staging folder; two signals, as timeout(1) sends.
for signal in INT:130 TERM:143 HUP:129; do
    subtest "SIG${signal%:*} ends the study as a signal does, and nothing is left"
    setup
    run timeout --preserve-status -s "${signal%:*}" 2 "$GREF" study case.json --out out --set schedule.steps=1000000 \
        --set 'schedule.beta=[1e-6,1e-5]' --set report.w2_every=1000
    refused "${signal#*:}" '^gref study: cancelled$'
done

subtest "a full stdout: the folder is complete, and the one line says so"
if [ -w /dev/full ]; then
    setup
    tap_command='gref study case.json --out out >/dev/full' tap_code=0
    # shellcheck disable=SC2086
    ${GREF_WRAPPER-} "$GREF" study case.json --out out >/dev/full 2>../err || tap_code=$?
    exits 2
    complains '^gref study: cannot write to standard output: .*; the study is complete in out, only printing failed$'
    # shellcheck disable=SC2046
    leaves grass.png case.json out $(for f in $files; do echo "out/$f"; done)
else
    check "there is no /dev/full here" true
fi

subtest "a closed stdout: the same"
setup
tap_command='gref study case.json --out out >&-' tap_code=0
# shellcheck disable=SC2086
${GREF_WRAPPER-} "$GREF" study case.json --out out >&- 2>../err || tap_code=$?
exits 2
complains 'the study is complete in out, only printing failed$'
# shellcheck disable=SC2046
leaves grass.png case.json out $(for f in $files; do echo "out/$f"; done)

done_testing
