#!/bin/sh
# Put an older ipykernel beside the newest one, for the test that runs cells in it (tests/environments).
#
#   tools/older.sh VENV
#
# What cannot be had is said, and its test is skipped.
set -eu

venv=$1
folder=$(dirname "$0")/../build/older-ipykernel

[ ! -d "$folder/ipykernel" ] || exit 0
mkdir -p "$folder"
"$venv/bin/python" -m pip install -qq --disable-pip-version-check --no-deps --upgrade --target "$folder" "ipykernel==6.31.*" || {
    rm -rf "$folder"
    echo "ipykernel 6.31 cannot be had here: no cell is tried in it"
}
