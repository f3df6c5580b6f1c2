#!/bin/sh
# One golden file of reference/golden: golden_files.sh NAME.
# Why passing proves it: the program computes every array again from the problem in the file, on whatever BLAS it
# runs, and holds it to the file's tolerance; the hashes tie the arrays to the manifest, and the case that the
# manifest completes is the one in reference/cases/golden.
# shellcheck source=tests/support/tap.sh
. "$TAP"
name=$1
file=$GREF_TEST_DATA/golden/$name.npz

subtest "$name: every array agrees, and the file is left alone"
before=$(cksum <"$file")
gref golden --verify "$file"
exits 0
silent
prints '^([0-9]+) of \1 arrays agree'
check "not touched" test "$before" = "$(cksum <"$file")"

subtest "$name: written from a clean tree, for reference/cases/golden/$name.json"
gref study "$GREF_TEST_DATA/cases/golden/$name.json" --print-case
exits 0
python3 - "$file" >../manifest <<'PYTHON'
import json, sys, zipfile
manifest = json.loads(zipfile.ZipFile(sys.argv[1]).read("manifest.json"))
case = json.load(open("../out"))
print("clean" if manifest["dirty"] is False and len(manifest["commit"]) == 40 else "dirty")
for old, new in zip(manifest["case"]["samplers"], case["samplers"]):  # files of old leave conventions to "conventions"
    for key in set(new) - set(old):
        old[key] = manifest["case"]["conventions"].get(key, "ddpm" if key == "scheme" else None)
print("its case" if manifest["case"] == case else "another case")
PYTHON
check "clean" grep -qx clean ../manifest
check "its case" grep -qx 'its case' ../manifest

subtest "$name: all of them together below 20 MB"
check "small" test "$(cat "$GREF_TEST_DATA"/golden/*.npz | wc -c)" -lt 20000000

done_testing
