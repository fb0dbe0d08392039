#!/usr/bin/env bash
# Builds for every system that is supported.
set -euo pipefail
cd "$(dirname "$0")/.."
for os in linux darwin windows; do
	for arch in amd64 arm64; do
		echo "build $os/$arch"
		CGO_ENABLED=0 GOOS=$os GOARCH=$arch go build -o /dev/null ./cmd/godwit
		CGO_ENABLED=0 GOOS=$os GOARCH=$arch go vet ./internal/link ./internal/logging ./internal/monitor ./cmd/godwit
	done
done
