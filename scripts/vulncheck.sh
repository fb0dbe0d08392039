#!/usr/bin/env bash
# Looks for known vulnerabilities. Where the database cannot be reached, that is
# said and nothing is concluded from it.
set -uo pipefail
cd "$(dirname "$0")/.."
out=$(timeout 120 go tool govulncheck ./... 2>&1)
code=$?
if [ $code -ne 0 ] && echo "$out" | grep -qiE 'fetching vulnerabilities|vuln\.go\.dev|no such host|connection refused|Forbidden|i/o timeout'; then
	echo "govulncheck: the vulnerability database cannot be reached; not checked"
	exit 0
fi
echo "$out"
exit $code
