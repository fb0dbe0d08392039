#!/usr/bin/env bash
# Runs every fuzz target of the module for a short time: fuzz.sh [duration]
set -euo pipefail
cd "$(dirname "$0")/.."
duration=${1:-5s}
count=0
for package in $(grep -rl --include='*_test.go' '^func Fuzz' . --exclude-dir=interop --exclude-dir=bench | xargs -n1 dirname | sort -u); do
	for target in $(grep -ho '^func Fuzz[A-Za-z0-9_]*' "$package"/*_test.go | sed 's/^func //'); do
		echo "fuzz $package $target"
		go test "$package" -run '^$' -fuzz "^$target\$" -fuzztime "$duration" -fuzzminimizetime 1x -parallel 2
		count=$((count + 1))
	done
done
echo "$count fuzz targets"
test "$count" -gt 0
