#!/bin/sh
# Install the Debian packages that the tests' ssh hosts need (tests/testbed): only what is missing, and only as root.
# Elsewhere it says what is missing; the tests that need the hosts then skip, each by name.
set -eu

packages="openssh-server openssh-client openssl iproute2 iputils-ping ethtool procps tcsh util-linux"

command -v dpkg-query >/dev/null 2>&1 || exit 0
missing=""
for package in $packages; do
    [ "$(dpkg-query -Wf '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" != 0 ]; then
    echo "the tests' ssh hosts need$missing; as root: apt-get install$missing" >&2
    exit 0
fi

# The machine's own sshd must not start: the hosts run theirs.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
    trap 'rm -f "$policy"' EXIT
fi

install() {
    # shellcheck disable=SC2086
    DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300 install -y --no-install-recommends $missing
}

log=$(mktemp)
if install >"$log" 2>&1 || { apt-get -qq update >>"$log" 2>&1 && install >>"$log" 2>&1; }; then
    echo "installed$missing"
else
    cat "$log" >&2
    echo "could not install$missing; the tests that need ssh hosts will skip" >&2
fi
rm -f "$log"
