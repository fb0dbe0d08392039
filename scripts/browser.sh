#!/usr/bin/env bash
# Tests the WebSocket listener with the JavaScript client, in Node and in a headless
# Chromium. Installs what is missing: the npm packages of interop/browser, and Chromium
# where apt-get may. Needs Node 20 or newer.
set -euo pipefail
cd "$(dirname "$0")/.."
if ! command -v node >/dev/null || ! command -v npm >/dev/null; then
	echo "browser.sh: Node 20 or newer with npm is needed" >&2
	exit 1
fi
(cd interop/browser && PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD=1 npm ci)
if ! command -v chromium >/dev/null && ! command -v chromium-browser >/dev/null && ! command -v google-chrome >/dev/null; then
	if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
		echo "browser.sh: install Chromium first" >&2
		exit 1
	fi
	apt-get update
	apt-get install -y --no-install-recommends chromium
fi
cd interop
exec go test -count 1 -run '^(TestJavaScriptClient|TestBrowser)$' "$@" .
