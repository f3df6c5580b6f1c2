#!/bin/sh
# gref samplers, and published code by name in a case: what is listed, filled in and refused.
# Why passing proves it: every list is compared with what the program takes, and every refusal is provoked.
# shellcheck source=tests/support/tap.sh
. "$TAP"
case=$GREF_TEST_DATA/cases/published-sr-12.json

# The completed case of the samplers of a JSON list.
completed() {
    gref study "$case" --set "samplers=$1" --print-case
}

subtest "the list: rows, schemes, presets, what is absent"
gref samplers
exits 0
silent
prints '^  ddrm  .*Kawar' 'eta=0.85 start=authors eta_b=1.0' '^  heun ' '\(vp, edm\)' \
    '^  deepinv-vpsde  *deepinv/deepinv 3f832a7, "faults": true' '^  DPM-Solver\+\+, PLMS, UniPC, DEIS: multistep'
"$GREF" samplers | sed -n 's/^  \([a-z][a-z0-9+-]*\) .*/\1/p' >names
check "forty names or so" [ "$(wc -l <names)" -ge 35 ]
while read -r name; do
    gref samplers "$name"
    exits 0
    check "$name is told of" grep -q "^$name[:,]" ../out
done <names

subtest "one row: five functions, or C; the step, keys, literature"
gref samplers ddrm
exits 0
prints '^  step ' '^  fx ' '^  fe ' '^  fv ' '^  fg ' '^  fn ' '^  keys .*eta=0.85' 'arXiv:2201.11793'
gref samplers pigdm
exits 0
prints '^  fg         kappa s' '^  C_\{v\|t\}    r_t\^2 A A\^T \+ sigma\^2 I$'
gref samplers ddpm
exits 0
prints '^unconditional, also ddpm' '^ddpm: a scheme'

subtest "unknown names, and too many"
gref samplers ddrn
exits 2
complains '^gref samplers: no sampler is called "ddrn" \(did you mean "ddrm"\?\)$'
gref samplers xyzzyxyzzy
exits 2
complains '^gref samplers: no sampler is called "xyzzyxyzzy", see gref samplers$'
gref samplers a b
exits 2
gref samplers --help
exits 0
prints '^Usage: gref samplers \[NAME\]'

subtest "a preset is its keys: the printed case has them all, and loads as itself"
for preset in $("$GREF" samplers | sed -n 's/^  \([a-z-]*\)  *[A-Za-z0-9-]*\/[A-Za-z-]* [0-9a-f]\{7\}.*/\1/p'); do
    "$GREF" study "$case" --set "samplers=[{\"preset\":\"$preset\"}]" --print-case >once.json
    check "$preset is its own label" grep -q "\"label\": \"$preset\"" once.json
    sed 's|"\.\./images|"'"$GREF_TEST_DATA"'/images|' once.json >again.json
    "$GREF" study again.json --print-case >twice.json
    check "$preset loads as itself" cmp -s again.json twice.json
done
completed '[{"preset":"ddrm-repo","eta":0.5,"steps":7,"label":"mine"}]'
exits 0
prints '"label": "mine"' '"eta": 0.5,' '"steps": 7' '"spacing": "skip"' '"beta": \[0.0001[0-9]*, 0.02[0-9]*\]'
completed '[{"preset":"ddrm-repo"},{"preset":"ddrm-repo","eta":0.5},{"preset":"ddnm-repo","faults":true}]'
prints '"label": "ddrm-repo"' '"label": "ddrm-repo-2"' '"label": "ddnm-repo-faults"' '"fault": "noise-without-VT"'
completed '[{"preset":"deepinv-ddrm"}]'
prints '"rank_tol": 0.1' '"kind": "edm"'
completed '[{"preset":"diffusers-ddim","faults":true,"times":[900,300,0]}]'
exits 0
prints '"times": \[900, 300, 0\]' '"fault": "previous-t"'

subtest "what does not go together"
completed '[{"preset":"azula-pdgm"}]'
exits 2
complains 'samplers.0.preset: no preset is called "azula-pdgm" \(did you mean "azula-pgdm"\?\)$'
completed '[{"preset":3}]'
exits 2
complains 'samplers.0.preset must be the name of a preset'
completed '[{"preset":"ddrm-repo"},{"preset":"azula-pgdm"}]'
exits 2
complains 'samplers.1.preset "azula-pgdm" needs "schedule": \{"kind": "vp", '
gref study "$case" --set schedule.steps=250 --print-case
exits 2
complains 'samplers.0.preset "guided-diffusion" needs "schedule": \{"kind": "linear", "beta": \[0.0001, 0.02\], "steps": 1000\}$'
gref study "$case" --set 'schedule={"kind":"vp","beta":[0.1,20.0],"steps":7}' --set 'samplers=[{"preset":"deepinv-vpsde"}]' --print-case
exits 0
completed '[{"preset":"ddrm-repo","faults":true}]'
exits 2
complains 'samplers.0.faults: the preset "ddrm-repo" has no fault to put in$'
completed '[{"preset":"ddrm-repo","name":"ddnm"}]'
exits 2
complains 'samplers.0.name: the preset "ddrm-repo" is of the sampler "ddrm", no other$'
completed '[{"name":"ddrm","faults":true}]'
exits 2
complains 'samplers.0.faults belongs to samplers.0.preset'
completed '[{"name":"dps","fault":"previous-t"}]'
exits 2
complains 'samplers.0.fault has no use for dps'
gref study "$case" --set 'samplers=[{"name":"ddrm","fault":"previous-t"}]' --no-self-test --out wrong
exits 2
complains 'ddrm with the scheme "ddpm" has no fault "previous-t"'
gref crosscheck "$case" --set 'samplers=[{"preset":"ddnm-repo","faults":true}]' --no-self-test
exits 2
complains 'ddnm-repo-faults has no spectral form'

subtest "a fault is the same by spectra, and nobody proves its digits"
gref crosscheck "$case" --set 'samplers=[{"preset":"deepinv-vpsde","faults":true}]' --set 'schedule={"kind":"vp","steps":50}' --no-self-test
exits 0
gref crosscheck "$case" --set 'samplers=[{"preset":"diffusers-ddim","faults":true,"steps":7}]' --no-self-test
exits 0
gref crosscheck "$case" --set 'samplers=[{"preset":"deepinv-ddrm","faults":true}]' --no-self-test
exits 0
keys='"name":"cgdm","scheme":"ddim","steps":7,"spacing":"linspace"'
gref study "$case" --set "samplers=[{$keys,\"label\":\"right\"},{$keys,\"label\":\"wrong\",\"fault\":\"previous-t\"}]" --no-self-test --out out
exits 0
prints '^right +[0-9.e-]+ ' '^wrong +\([0-9.e-]+\) '

subtest "faults have a name that diagnosis finds"
for fault in diffusion-x2:deepinv-vpsde:20 previous-t:diffusers-ddim:1000; do
    name=${fault%%:*} steps=${fault##*:} preset=${fault#*:} preset=${preset%:*}
    keys="\"preset\":\"$preset\",\"label\":\"x\""
    [ "$preset" = deepinv-vpsde ] || keys="$keys,\"steps\":7,\"spacing\":\"linspace\""
    schedule='{"kind":"vp","span":[0.001,1],"steps":20}'
    [ "$steps" = 20 ] || schedule='{}'
    "$GREF" golden "$case" --set "schedule=$schedule" --set "samplers=[{$keys}]" --no-self-test --allow-dirty --out right.npz 2>/dev/null
    "$GREF" golden "$case" --set "schedule=$schedule" --set "samplers=[{$keys,\"faults\":true}]" --no-self-test --allow-dirty --out wrong.npz 2>/dev/null
    gref diagnose right.npz wrong.npz --no-self-test
    exits 1
    prints "^[0-9.e-]*  *[0-9.e-]* %   $name\$"
    rm -f right.npz wrong.npz
done

done_testing
