#!/bin/sh
# What `make servers` adds to .servers/ beside requirements-servers.txt: Azurite, and OpenSSH's sshd where we may.
set -eu
cd "$(dirname "$0")/../.."

AZURITE=3.35.0
if ! grep -qs "\"version\": \"$AZURITE\"" .servers/azurite/node_modules/azurite/package.json; then
    PATH="$PWD/.servers/bin:$PATH" npm install --silent --no-fund --no-audit --no-save \
        --prefix .servers/azurite "azurite@$AZURITE"
fi

if [ "$(id -u)" = 0 ] && ! test -x /usr/sbin/sshd && command -v apt-get >/dev/null; then
    apt-get update -qq && apt-get install -y -qq --no-install-recommends openssh-server >/dev/null
fi
