#!/bin/sh
# Install the Debian packages that the tests' ssh hosts and Slurm (tests/testbed) and the tests in a browser (tests/e2e)
# need: only what is missing, and only as root. Elsewhere it says what is missing; the tests that need it then skip, each by name.
set -eu

command -v dpkg-query >/dev/null 2>&1 || exit 0
log=$(mktemp)
policy=/usr/sbin/policy-rc.d
has_policy=""
trap 'rm -f "$log"; [ -z "$has_policy" ] || rm -f "$policy"' EXIT

# The machine's own sshd and Slurm must not start: the hosts and the cluster run theirs.
forbid_services() {
    [ -e "$policy" ] && return
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
    has_policy=yes
}

missing_of() {
    for package in "$@"; do
        [ "$(dpkg-query -Wf '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || printf ' %s' "$package"
    done
}

# One at a time: tools/setup.sh may be at the same.
apt() {
    DEBIAN_FRONTEND=noninteractive flock "${TMPDIR:-/tmp}/pathos-nb-apt.lock" apt-get -qq -o DPkg::Lock::Timeout=300 "$@"
}

install() {
    apt install -y --no-install-recommends "$@"
}

# need WHO PACKAGE...: who needs them is said where they cannot be had.
need() {
    who=$1
    shift
    # shellcheck disable=SC2046
    set -- $(missing_of "$@")
    [ $# -gt 0 ] || return 0
    if [ "$(id -u)" != 0 ]; then
        echo "$who need $*; as root: apt-get install $*" >&2
        return 0
    fi
    forbid_services
    if install "$@" >"$log" 2>&1 || { apt update >>"$log" 2>&1 && install "$@" >>"$log" 2>&1; }; then
        echo "installed $*"
    else
        cat "$log" >&2
        echo "could not install $*; $who will skip" >&2
    fi
}

need "the tests on ssh hosts" \
    openssh-server openssh-client openssl iproute2 iputils-ping ethtool procps tcsh fish zsh util-linux libpam-oath
need "the tests on Slurm" slurm-wlm munge util-linux
need "the tests in a browser" chromium fonts-dejavu-core
