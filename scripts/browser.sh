#!/usr/bin/env bash
# Tests the WebSocket listener with the JavaScript client, in Node and in a headless
# Chromium. Installs what is missing: the npm packages of interop/browser, and Chromium
# where apt-get may. Needs Node 20 or newer.
#
#   browser.sh            installs and tests; fails if something cannot be had
#   browser.sh prepare    installs what can be had, and says what cannot: those tests of
#                         interop/ are then skipped
set -euo pipefail
cd "$(dirname "$0")/.."

packages() {
	if ! command -v npm >/dev/null || ! node -e 'process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)'; then
		echo "browser.sh: Node 20 or newer with npm is needed" >&2
		return 1
	fi
	(cd interop/browser && PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD=1 timeout 120 npm ci --no-audit --no-fund)
}

chromium() {
	if command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null; then
		return
	fi
	if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
		echo "browser.sh: install Chromium first" >&2
		return 1
	fi
	timeout 60 apt-get -qq update && timeout 240 apt-get -qq install -y --no-install-recommends chromium
}

if [ "${1:-}" = prepare ]; then
	{ packages && chromium; } || echo "browser.sh: not everything can be had; its tests are skipped"
	exit 0
fi
packages
chromium
cd interop
exec go test -count 1 -run '^(TestJavaScriptClient|TestBrowser)$' "$@" .
