#!/bin/sh
# Make (or mend) a virtual environment and install pathos_nb into it, editable.
#
#   tools/setup.sh VENV EXTRAS [PYTHON]
#
# The first python of 3.10 or later that can make environments is taken. A part of the system that is missing is
# installed where that is possible without a question (root on Debian); else the line to type is printed.
set -eu

venv=$1
extras=$2
wanted=${3:-}

. "$(dirname "$0")/pythons.sh"

is_new_enough() {
    "$1" -c 'import sys; raise SystemExit(sys.version_info < (3, 10))' >/dev/null 2>&1
}

can_make_venv() {
    "$1" -c 'import ensurepip, venv' >/dev/null 2>&1
}

candidates() {
    if [ -n "$wanted" ]; then
        echo "$wanted"
    else
        # python3 first: it is the one that the user means; then from the middle of what is supported.
        echo python3 python3.12 python3.11 python3.13 python3.10 /usr/bin/python3
    fi
}

find_python() {
    for name in $(candidates); do
        if is_new_enough "$name" && can_make_venv "$name"; then
            echo "$name"
            return 0
        fi
    done
    return 1
}

# The Debian packages that are missing: the module venv of a python that is there, or all of it.
missing_packages() {
    for name in $(candidates); do
        if is_new_enough "$name"; then
            "$name" -c 'import sys; print("python3-venv python%d.%d-venv" % sys.version_info[:2])'
            return 0
        fi
    done
    echo "python3 python3-venv"
}

install_packages() {
    packages=$(missing_packages)
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
        echo "installing $packages"
        # tools/testbed.sh may be at the same
        DEBIAN_FRONTEND=noninteractive flock "${TMPDIR:-/tmp}/pathos-nb-apt.lock" \
            sh -c 'apt-get update -q && apt-get install -q -y --no-install-recommends "$@"' apt $packages
        return
    fi
    echo "A Python of 3.10 or later that can make virtual environments is needed, and none was found." >&2
    if command -v apt-get >/dev/null 2>&1; then
        echo "Type this line, then try again:" >&2
        echo "    sudo apt-get install $packages" >&2
    else
        echo "Install one (python3 with its venv module), then try again; or name it: make PYTHON=/path/to/python3" >&2
    fi
    exit 1
}

if ! "$venv/bin/python" -m pip --version >/dev/null 2>&1; then
    python=$(find_python) || { install_packages; python=$(find_python); }
    echo "making $venv with $("$python" --version)"
    rm -rf "$venv"
    "$python" -m venv "$venv"
fi
# What was installed before is asked for again with it: else pip would take no heed of what those sets allow, and a newer
# version of a library that two of them share would break the first.
for stamp in "$venv"/.has-*; do
    [ -e "$stamp" ] || continue
    had=${stamp##*/.has-}
    case ",$extras,peers," in # those of the benchmarks are no extra of ours
        *",$had,"*) ;;
        *) extras="$extras,$had" ;;
    esac
done
echo "installing pathos_nb[$extras] into $venv (some minutes the first time)"
"$venv/bin/python" -m pip install -qq --disable-pip-version-check --no-compile --editable ".[$extras]"
# pip would compile one file after another; some files of others are for other Pythons, and do not compile
"$venv/bin/python" -m compileall -qq -j 0 "$("$venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')" || true
