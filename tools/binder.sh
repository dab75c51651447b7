#!/bin/sh
# Do what Binder does with binder/, in an environment and a home of its own: the same steps in the same order, then
# the three demonstrations, of which it says what seconds and memory they took. There is no engine for images here, so
# the system below them is this one's.
#
#   tools/binder.sh PYTHON FOLDER
set -eux

python=$1
folder=$2
mkdir -p "$folder/home"
folder=$(cd "$folder" && pwd)
git ls-files -z | tar --null --files-from=- -cf - | tar -xf - -C "$folder/home"

"$python" -m venv "$folder/venv"
# Binder sets no PYTHONPATH, and what belongs to this machine's Jupyter is none of its.
unset PYTHONPATH JUPYTER_PATH JUPYTER_CONFIG_DIR JUPYTER_DATA_DIR IPYTHONDIR
export HOME="$folder/home" PATH="$folder/venv/bin:$PATH" XDG_DATA_HOME="$folder/home/.local/share"
cd "$HOME"

pip install -q --disable-pip-version-check -r binder/requirements.txt
binder/postBuild
pip check
ls "$HOME/.jupyter/lab/workspaces"
# A session has one core.
alone=$(command -v taskset >/dev/null && echo "taskset -c 0" || true)
for name in one-cell survives panel; do
    $alone binder/start python tools/binder_run.py "binder/$name.ipynb"
done
