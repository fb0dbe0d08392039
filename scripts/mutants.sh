#!/usr/bin/env bash
# Deliberate bugs in the storage, each of which a test must find: mutants.sh [name...]
#
# Each file of scripts/mutants is a patch of the product code. Its header says what is
# wrong with it, which package's tests find it and, where not all of them are run, which.
# The module is copied, and nothing here is changed. Where a patch does not apply any more,
# the code has changed: make it again. Where a bug is not found, a test is missing.
set -euo pipefail
cd "$(dirname "$0")/.."
module=$PWD
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
mkdir "$copy/module"
tar -c --exclude=./.git --exclude=./interop --exclude=./bench --exclude=./godwit . | tar -x -C "$copy/module"
cd "$copy/module"

# header prints a line of a patch's header: header file key
header() { sed -n "s/^# $2: //p" "$1" | head -n 1; }

# tests runs tests for a short time: tests package run
tests() {
	go test "$1" -short -count 1 -timeout 120s -run "${2:-.}" >"$copy/output" 2>&1
}

patches=()
if [ $# -gt 0 ]; then
	for name in "$@"; do
		patches+=("$module/scripts/mutants/$name.patch")
	done
else
	patches=("$module"/scripts/mutants/*.patch)
fi

declare -A sound
failures=0
for patch in "${patches[@]}"; do
	name=$(basename "$patch" .patch)
	package=$(header "$patch" package)
	run=$(header "$patch" run)
	if [ -z "${sound[$package $run]:-}" ]; then
		if ! tests "$package" "$run"; then
			cat "$copy/output"
			echo "the tests of $package fail without any mutant"
			exit 1
		fi
		sound[$package $run]=yes
	fi
	begin=$SECONDS
	if ! patch -p1 -s --dry-run <"$patch" >"$copy/output" 2>&1; then
		result="DOES NOT APPLY"
		failures=$((failures + 1))
	else
		patch -p1 -s --no-backup-if-mismatch <"$patch"
		if tests "$package" "$run"; then
			result="SURVIVES"
			failures=$((failures + 1))
		elif grep -q '\[build failed\]\|\[setup failed\]' "$copy/output"; then
			result="DOES NOT BUILD"
			failures=$((failures + 1))
		else
			result=$(sed -n 's/^ *--- FAIL: \([^ ]*\).*/\1/p; s/^panic: \(.*\)/panic: \1/p' "$copy/output" | head -n 1)
			result="found by ${result:-a test}"
		fi
		patch -p1 -s -R --no-backup-if-mismatch <"$patch"
	fi
	printf '%-42s %4ds  %s\n' "$name" $((SECONDS - begin)) "$result"
done
echo "${#patches[@]} mutants, $failures not found"
test "$failures" -eq 0
