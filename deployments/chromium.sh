#!/bin/sh
# The tests of the desk in a real browser need Debian's chromium. Installs it if run as root on a
# machine with apt-get; otherwise prints the command to run.
set -eu
packages="chromium fonts-noto-cjk"
command -v chromium >/dev/null && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "Installing for the tests of the desk: $packages"
    log=$(mktemp)
    if apt-get update -qq >"$log" 2>&1 &&
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $packages >>"$log" 2>&1
    then
        command -v chromium >/dev/null && exit 0
    else
        tail -n 5 "$log" >&2
    fi
fi
echo "There is no chromium. Run this once, then repeat the command:" >&2
echo "    sudo apt-get install $packages" >&2
exit 2
