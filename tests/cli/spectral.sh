#!/bin/sh
# The spectral path as users run it: study --path, crosscheck, asymptotics, and what each says to bad input.
# Why passing proves it: exit code, both streams and the folder are checked every time, numbers of the two paths are
# compared as printed, and what is refused must be refused in one line that names the key or the value.
# shellcheck source=tests/support/tap.sh
. "$TAP"

gref() {
    # GREF_WRAPPER is split on purpose: it is a command with arguments.
    # shellcheck disable=SC2086
    run ${GREF_WRAPPER-} "$GREF" "$@"
}

# setup [OPERATOR]: case.json of an 8 x 8 crop of grass, T = 20.
blur='{"kind": "gaussian_blur", "std": 1.0, "size": 3}'
setup() {
    ln -s "$GREF_TEST_DATA/images/grass.png" grass.png
    cat >case.json <<END
{"schema": "gref-case/1",
 "image": {"file": "grass.png", "crop": [200, 100, 8, 8]},
 "operator": ${1-$blur},
 "noise": {"sigma": 0.3},
 "schedule": {"kind": "linear", "beta": [1e-3, 0.3], "steps": 20}}
END
}

# refused ERE...: exit 2 and one line that names the value, no output folder, nothing else left.
refused() {
    exits 2
    prints_nothing
    complains "$@"
    check "no output folder" test ! -e out
    check "no staging folder" test -z "$(find . -name '.gref*')"
}

# close_columns A B: the same text but for the numbers after the second comma of a line, those to 1e-9.
close_columns() {
    paste -d, "$1" "$2" | awk -F, '
        { for (k = 1; k <= 2; k++) if ($k != $(k + 5)) bad = 1 }
        NR > 1 { for (k = 3; k <= 5; k++) {
            d = $k - $(k + 5); s = $k < 0 ? -$k : $k
            if (!(d <= 1e-9 * s + 1e-12 && -d <= 1e-9 * s + 1e-12)) bad = 1 } }
        END { exit bad || NR < 2 }'
}

# ---- study --path ----

subtest "study --path spectral leaves all files, and w2.csv is that of --path dense to 1e-9"
setup
gref study case.json --out out --path spectral --set report.w2_every=1
exits 0
prints 'spectral path$' '^dps '
silent
for file in summary.json w2.csv arrays.npz problem.png bias.png samples.png w2.svg; do
    check "$file is there" test -s "out/$file"
done
check "summary.json says so" grep -q '"path": "spectral"' out/summary.json
# no bound is known of a law by spectra: every number stands in parentheses, and none is called certified
check "no number is printed as proved" awk '/^(ddpm|dps|pigdm|cgdm) / {
    for (k = 2; k <= NF; k++) if ($k ~ /^[1-9]/) bad = 1 } END { exit bad }' ../out
check "no distance is certified" sh -c '! grep -q "\"certified\": true" out/summary.json'
gref study case.json --out dense --path dense --set report.w2_every=1
exits 0
prints 'dense path$'
check "the same distances" close_columns out/w2.csv dense/w2.csv
check "3 samplers at 21 times" test "$(wc -l <out/w2.csv)" -eq 64

subtest "a law that grows leaves the others visible: the picture ends its axis above them, and says from where it grows"
setup
gref study case.json --out out --path spectral --set noise.sigma=1e-3 --set schedule.steps=60
exits 0
silent
first=$(sed -n 's/^dps .*from t = \([0-9]*\) on.*/\1/p' ../out)
check "dps is unstable" test -n "$first"
check "the picture says from where" grep -q "dps, unstable from t = $first" out/w2.svg
check "the table has what the picture leaves out" awk -F, '$1 == "dps" && ($3 == "diverged" || $3 > 1e6) { found = 1 } END { exit !found }' \
    out/w2.csv
check "its axis does not follow" sh -c '! grep -Eq "1e\+(0[7-9]|[1-9][0-9])" out/w2.svg'

# By block recursions of 80 digits W2 is 4.5542e53 at t = 400 and 3.379e31 at t = 200, where double arrives at 3e42.
# Its mean is by then lost: 9.4662 at t = 510 by 100 digits, where double arrives at 3.7e13.
subtest "a law that grew by 10^53 and shrank again is called lost, and its mean before"
brick=$GREF_TEST_DATA/cases/brick-sr.json
gref study "$brick" --path spectral --set 'samplers=[{"name":"dps"}]' --set report.laws_at=[600,510,400,200,0] --out out
exits 0
prints '^dps +\(1\.07e\+03\) +\(9\.58e\+27\) +\(4\.55e\+53\) +lost +lost$' 'is lost to rounding from t = 3[0-9][0-9] on'
check "csv says lost" grep -q '^dps,200,lost,lost,lost$' out/w2.csv
check "the mean at t = 600 is known" grep -q '^dps,600,1065\.37.*,8\.681014.*,1065\.33' out/w2.csv
check "the mean at t = 510 is lost, the rest is not" grep -q '^dps,510,9\.58[0-9]*e+27,lost,9\.58' out/w2.csv
check "summary.json says so" grep -q '"mean_lost": true' out/summary.json
check "no mean of it" sh -c 'grep -aq dps/mean/600 out/arrays.npz && ! grep -aq dps/mean/510 out/arrays.npz'

subtest "--path auto: dense for small images, and it says why"
setup
gref study case.json --out out
exits 0
silent
check "dense" grep -q '"path": "dense"' out/summary.json
check "why" grep -q '"path_reason": "64 pixels are no more than 1024"' out/summary.json

subtest "--path auto: spectral for large stationary problems, and it says which and why"
setup
gref study case.json --out out --set 'image.crop=[0,0,40,40]'
exits 0
complains 'note: spectral path: the problem is stationary, and 1600 pixels are more than'
check "spectral" grep -q '"path": "spectral"' out/summary.json

subtest "what is not stationary is refused by the key that breaks it"
for set in 'operator={"kind": "inpainting", "box": [2, 2, 3, 3]}' 'operator.boundary=zero' \
    'prior={"kind": "patches", "size": [3, 3]}' 'operator.boundary=valid'; do
    rm -f ./*
    setup
    key=$(echo "$set" | sed 's,{.*,.kind,; s,=.kind,.kind,; s,=.*,,')
    gref study case.json --out out --path spectral --set "$set"
    refused "$key = "
    gref crosscheck case.json --set "$set"
    refused "$key = "
    gref asymptotics case.json --out out --path spectral --set "$set"
    refused "$key = "
done

subtest "an unknown path"
setup
gref study case.json --out out --path fast
refused "auto, dense or spectral, not 'fast'"
gref asymptotics case.json --path fast
refused "auto, dense or spectral, not 'fast'"

# ---- crosscheck ----

subtest "crosscheck prints every quantity within its bound and the verdict last"
setup
gref crosscheck case.json
exits 0
silent
for quantity in Sigma A Sigma_post Sigma_t J 'C_\{v\|t\}' 'mu_\{t\|v\}' 'C_\{t\|v\}' M_t b_t 'mean of y_t' \
    'covariance of y_t' W2; do
    prints "^$quantity  "
done
check "the verdict" sh -c 'tail -n 1 ../out | grep -Eq "^within bounds: largest ratio 0\.[0-9]+, of "'
check "nothing outside" sh -c '! grep -q outside ../out'
leaves case.json grass.png

subtest "crosscheck --json: a row for each quantity, with place, bound and ratio"
setup
gref crosscheck case.json --json
exits 0
silent
prints '"schema": "gref-crosscheck/1"' '^ "within": true' '"quantity": "M_t"' '"deviation": ' '"bound": ' '"ratio": ' '"row": '

subtest "crosscheck of sides that are 1 or prime, of a kernel larger than the image, of one whose transform has zeros"
setup
for set in 'image.crop=[0,0,1,7]' 'image.crop=[0,0,7,5]' 'image.crop=[0,0,1,1]' 'image.crop=[0,0,11,1]' \
    'operator.size=41' 'operator={"kind": "super_resolution", "factor": 2, "filter": "box"}'; do
    gref crosscheck case.json --set "$set" --no-self-test
    exits 0
    complains 'note: the BLAS was not tested'
    prints '^within bounds: '
    gref asymptotics case.json --set "$set" --path spectral --no-self-test
    exits 0
    complains 'note: the BLAS was not tested'
    prints '^as in theory: '
done

# ---- asymptotics ----

subtest "asymptotics prints orders, and the verdict last: grass with blur meets at 1.00 and 2.00"
setup
for path in dense spectral; do
    gref asymptotics case.json --path "$path"
    exits 0
    silent
    prints "$path path\$" '^dps +alpha = 1 +1 +1\.0000 ' '^dps +alpha = 2 +1 +1\.0000 ' \
        '^pigdm +r2 = 1-abar +2 +2\.0000 ' '^pigdm +r2 = \(1-abar\)/abar +2 +2\.0000 ' '^1e-16 '
    check "the verdict" sh -c 'tail -n 1 ../out | grep -Eq "^as in theory: Sigma is singular .*does not mix.*\
dps \(alpha = 1\) meets cgdm at order 1\.00; dps \(alpha = 2\) meets another law at order 1\.00, W2 0\.[0-9]+ away; \
pigdm \(every r2\) meets cgdm at order 2\.00$"'
done
leaves case.json grass.png

subtest "asymptotics of inpainting, where A mixes kernel and range of Sigma: pigdm meets at 1.00"
setup '{"kind": "inpainting", "box": [2, 2, 3, 3]}'
gref asymptotics case.json
exits 0
prints 'A mixes its kernel with its range.* pigdm \(every r2\) meets cgdm at order 1\.00$'

subtest "asymptotics --out leaves its three files, and replaces them only with --force"
setup
gref asymptotics case.json --out out
exits 0
prints '^files in out$'
leaves case.json grass.png out out/asymptotics.json out/asymptotics.csv out/asymptotics.svg
check "header" grep -q '^sampler,alpha,r2,e,cov,mean,w2,' out/asymptotics.csv
check "5 lines of 16 e" test "$(wc -l <out/asymptotics.csv)" -eq 81
check "12 columns" awk -F, 'NF != 12 { exit 1 }' out/asymptotics.csv
check "no inf, no nan" sh -c '! grep -Eiq "inf|nan" out/asymptotics.csv out/asymptotics.json'
check "what made it" grep -q '"schema": "gref-asymptotics/1"' out/asymptotics.json
check "the picture has curves" grep -q 'dps, alpha = 2' out/asymptotics.svg
gref asymptotics case.json --out out
exits 2
complains 'asymptotics.json exists; --force'
gref asymptotics case.json --out out --force --from 1e-8 --to 1e-10
exits 0
check "replaced" test "$(wc -l <out/asymptotics.csv)" -eq 16

subtest "asymptotics --json is a list of sampler, alpha or r2, order, coefficient_error, limit_distance"
setup
gref asymptotics case.json --json --alpha 0.5 --alpha 3
exits 0
silent
check "a list" test "$(head -c 1 ../out)" = '['
check "dps with 1, 0.5, 3; pigdm with three r2" test "$(grep -c '"sampler"' ../out)" -eq 6
prints '"alpha": 0.5' '"alpha": 3.0' '"r2": "\(1-abar\)/\(2-abar\)"' '"order": (0\.9999|1\.0)' '"order": (1\.9999|2\.0)' \
    '"coefficient_error": [0-9.]+e-1[0-9]' '"limit_distance": 0\.[0-9]+'

subtest "asymptotics exits with 1 where e is too large for the order to show"
setup
gref asymptotics case.json --to 1e-2
exits 1
silent
prints '^NOT AS IN THEORY down to e = 1e-02: ' 'NOT as in theory$'

# ---- bad input ----

subtest "a factor that does not divide"
setup '{"kind": "super_resolution", "factor": 3}'
gref study case.json --out out --path spectral
refused 'operator.factor' 'factor 3 does not divide an image of 8 x 8'
gref crosscheck case.json
refused 'operator.factor' 'factor 3 does not divide an image of 8 x 8'
gref asymptotics case.json --out out
refused 'operator.factor' 'factor 3 does not divide an image of 8 x 8'

subtest "a kernel larger than the image where it would have to fit"
setup
gref asymptotics case.json --out out --set operator.size=41 --set operator.boundary=valid
refused 'the kernel is 41 x 41 and fits nowhere in an image of 8 x 8'
gref study case.json --out out --set operator.size=41 --set operator.boundary=valid
refused 'the kernel is 41 x 41 and fits nowhere in an image of 8 x 8'

subtest "alpha <= 0, in the case or on the command line"
setup
for path in study crosscheck asymptotics; do
    set -- --set 'samplers=[{"name": "dps", "alpha": -1}]'
    [ "$path" != study ] || set -- "$@" --out out
    gref "$path" case.json "$@"
    refused 'samplers.0.alpha must be > 0, not -1'
done
gref asymptotics case.json --out out --alpha 0
refused 'dps needs alpha > 0, not 0'
gref asymptotics case.json --out out --alpha -2
refused 'dps needs alpha > 0, not -2'
for alpha in 1e-300 1e300; do
    gref asymptotics case.json --out out --alpha $alpha
    refused 'dps needs alpha between 1e-30 and 1e\+30, not 1e.300'
done
gref asymptotics case.json --out out --alpha one
refused "alpha is a number, not 'one'"

subtest "e outside (0, 1), or upwards"
setup
for e in 0 1 -1e-3 2 nan; do
    gref asymptotics case.json --out out --to "$e"
    refused "to $e: e = 1 - abar must lie between 0 and 1"
    gref asymptotics case.json --out out --from "$e"
    refused "from $e: e = 1 - abar must lie between 0 and 1"
done
gref asymptotics case.json --out out --from 1e-5 --to 1e-3
refused 'e goes down: from 1e-05 it does not come to 0.001'
gref asymptotics case.json --out out --from 1e-3 --to 1e-3
refused 'one e has no slope: from 0.001 to 0.001 is less than a decade'
gref asymptotics case.json --out out --to 0.05
refused 'one e has no slope'
gref asymptotics case.json --out out --to 1e-300
refused 'e = 1e-300 is too small'
gref asymptotics case.json --to small
refused "to is a number, not 'small'"

subtest "no measurement noise and a singular A Sigma A^T"
setup
gref asymptotics case.json --out out --set noise.sigma=0
refused 'sigma = 0' 'singular'
gref asymptotics case.json --out out --set noise.sigma=0 --path spectral
refused 'sigma = 0' 'singular'

subtest "no such case, no such option"
gref asymptotics nowhere.json
refused 'nowhere.json'
gref crosscheck nowhere.json
refused 'nowhere.json'
gref asymptotics nowhere.json --alhpa 2
refused "did you mean '--alpha'"

done_testing
