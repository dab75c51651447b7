#!/bin/sh
# Run the tests on every supported Python that is found; say at the end which passed.
set -u

. "$(dirname "$0")/pythons.sh"

told=""
status=0
for minor in 10 11 12 13; do
    python=python3.$minor
    if ! "$python" --version >/dev/null 2>&1; then
        told="$told
  $python: not found"
        continue
    fi
    echo "== $python"
    venv=build/matrix/$python
    if tools/setup.sh "$venv" test "$python" && "$venv/bin/python" -m pytest -q -n 3 --dist worksteal --everywhere "$@"; then
        told="$told
  $python: passed"
    else
        told="$told
  $python: FAILED"
        status=1
    fi
done
echo "== matrix$told"
exit $status
