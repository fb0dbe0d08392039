#!/usr/bin/env bash
# The long run of the crash tests of the storage: crash.sh
#
#   CUTS    power cuts in all, 100,000 if it is not set
#   LIMIT   seconds after which there are no more, 3,600 if it is not set
#   SEED    where the random numbers begin, the time of day if it is not set
#
# A test that fails prints the seed with which it can be repeated, alone, by the same
# variables; the number of power cuts is what it tries then.
set -euo pipefail
cd "$(dirname "$0")/.."
cuts=${CUTS:-100000}
limit=${LIMIT:-3600}
seed=${SEED:-$(date +%s)}
output=$(mktemp)
trap 'rm -f "$output"' EXIT
begin=$SECONDS
total=0

# run has a package do some percent of the power cuts, in that part of the time that is
# its own: run percent-of-cuts percent-of-time package tests
run() {
	local most=$((cuts * $1 / 100 + 1)) time=$((limit * $2 / 100 + 1))s package=$3 tests=$4
	local flags=()
	if [ "$package" = ./internal/store/block ]; then
		flags=(-args -cuts "$most" -seed "$seed" -limit "$time")
	fi
	echo "$package $tests: at most $most power cuts in $time, from seed $seed on"
	if ! GODWIT_CRASH_CUTS=$most GODWIT_CRASH_SEED=$seed GODWIT_CRASH_LIMIT=$time \
		go test "$package" -count 1 -timeout $((limit + 600))s -run "$tests" -v "${flags[@]}" >"$output" 2>&1; then
		cat "$output"
		echo "FAILED after $total power cuts: CUTS=$cuts SEED=$seed"
		exit 1
	fi
	local found
	found=$(awk 'match($0, /[0-9]+ power cuts/) { sum += substr($0, RSTART) } END { print sum + 0 }' "$output")
	total=$((total + found))
	echo "  $found power cuts"
}

run 17 17 ./internal/journal '^TestPowerCuts$'
run 17 17 ./internal/journal '^TestFailuresThenPowerCuts$'
run 12 12 ./internal/store/heap '^TestPowerCutAtEveryOperation$'
run 4 4 ./internal/store/catalog '^TestPowerCuts$'
run 40 20 ./internal/store/block '^TestPowerCut$'
run 18 20 ./internal/store/block '^TestPowerCutsOfABusyNode$' # which does half of them
run 9 5 ./internal/store/block '^TestPowerCutOfConsumer$' # which does a third of them
run 2 5 ./internal/store/block '^(TestOptionsMakeNoDifference|TestPowerCutIn.*|TestPowerCutWhile.*)$'

echo "seed $seed, $((SECONDS - begin)) seconds"
if [ "$total" -lt "$cuts" ]; then
	echo "the time was up before $cuts power cuts"
fi
echo "$total power cuts, nothing lost"
