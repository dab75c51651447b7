# To be sourced: makes every Python of this machine answer to its name.

# Where pyenv is at home a version answers to its name only if it is switched on; what is on already stays the first.
if command -v pyenv >/dev/null 2>&1 && [ -z "${PYENV_VERSION:-}" ]; then
    PYENV_VERSION=$(
        { pyenv version-name | tr ':' '\n'; pyenv versions --bare | grep -E '^3\.1[0-9]\.[0-9]+$' | sort -rV; } 2>/dev/null |
            awk '!seen[$0]++' | paste -sd: -
    )
    [ -n "$PYENV_VERSION" ] && export PYENV_VERSION || unset PYENV_VERSION
    export PYENV_ROOT="${PYENV_ROOT:-$(pyenv root)}" # what is tried with a home of its own finds them all the same
fi
