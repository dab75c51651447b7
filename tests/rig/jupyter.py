"""A Jupyter server of the tests' own: loopback, a random token, folders that are nobody's, this checkout's package.

JupyterLab and Notebook 7 are both served by it. Kernels find ``pathos_nb`` in this checkout, and the browser gets this
checkout's prebuilt extension, without anything being installed.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from tests.rig.kernels import ROOT, socket_folder

__all__ = ["ROOT", "Jupyter", "why_no_jupyter"]

EXTENSION = ROOT / "pathos_nb" / "labextension"
START_S = 90.0

_FOLDERS = (
    "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "JUPYTERLAB_SETTINGS_DIR",
    "JUPYTERLAB_WORKSPACES_DIR", "IPYTHONDIR", "HOME",
)  # fmt: skip
_OF_ONE_TEST = ("HOME", "IPYTHONDIR", "JUPYTERLAB_SETTINGS_DIR", "JUPYTERLAB_WORKSPACES_DIR")
_NOT_OURS = ("SSH_AUTH_SOCK", "SSH_ASKPASS", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME", "JUPYTER_PATH")
# Draw every cell, also those out of sight, and never ask about news.
_SETTINGS: Mapping[str, Mapping[str, Any]] = {
    "notebook-extension/tracker": {"windowingMode": "none", "scrollPastEnd": False},
    "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
}


def why_no_jupyter() -> str:
    """Say what is missing for a server; nothing if it can be started."""
    missing = [name for name in ("jupyterlab", "notebook") if importlib.util.find_spec(name) is None]
    return f"{' and '.join(missing)} not installed: pip install {' '.join(missing)}" if missing else ""


class Jupyter:
    """A running server.

    Parameters
    ----------
    folder : pathlib.Path
        Where everything of it lies: notebooks in ``root``, the kernels' home in ``home``.
    """

    def __init__(self, folder: Path) -> None:
        self.root, self.log = folder / "root", folder / "server.log"
        self._sockets = ExitStack()  # of its kernels: below a short path, and no ports that another may take
        self._folders = {name: folder / name.lower() for name in _FOLDERS}
        self._folders["JUPYTER_RUNTIME_DIR"] = Path(self._sockets.enter_context(socket_folder())) / "run"
        self.home = self._folders["HOME"]
        for path in (self.root, *self._folders.values()):
            path.mkdir(mode=0o700)
        self._extensions = folder / "labextensions"
        self._extensions.mkdir()
        if EXTENSION.is_dir():
            shutil.copytree(EXTENSION, self._extensions / "pathos-nb")
        self._token = secrets.token_urlsafe(24)
        self.clear()
        self._process = self._start()
        self.address = self._wait_until_it_answers()

    def clear(self) -> None:
        """Forget what a test has set, opened and written."""
        for path in (self.root, *(self._folders[name] for name in _OF_ONE_TEST)):
            for each in path.iterdir():
                shutil.rmtree(each, ignore_errors=True) if each.is_dir() else each.unlink()
        for name, setting in _SETTINGS.items():
            self.set(name, setting)

    def set(self, name: str, setting: Mapping[str, Any]) -> None:
        """Set something of JupyterLab: the name is the plugin's, without ``@jupyterlab``."""
        file = self._folders["JUPYTERLAB_SETTINGS_DIR"] / "@jupyterlab" / f"{name}.jupyterlab-settings"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(setting))

    def layouts(self) -> str:
        """Give what JupyterLab has noted of its pages' layouts, as JSON without blanks."""
        files = self._folders["JUPYTERLAB_WORKSPACES_DIR"].glob("*.jupyterlab-workspace")
        return "".join(re.sub(r"\s", "", file.read_text(encoding="utf-8")) for file in files)

    def url(self, path: str) -> str:
        """Give the address of a page, with the token."""
        return f"{self.address}{path}?token={self._token}"

    def ask(self, method: str, path: str, sent: Any = None) -> Any:
        """Speak with the server's interface.

        What only asks is asked again: a server that is starting a kernel answers with an error, as it cannot list it.
        """
        deadline = time.monotonic() + START_S
        while True:
            try:
                return self._ask(method, path, sent)
            except urllib.request.HTTPError as error:
                error.close()
                if method != "GET" or error.code < 500 or time.monotonic() > deadline:
                    raise
            time.sleep(0.05)

    def _ask(self, method: str, path: str, sent: Any) -> Any:
        headers = {"Authorization": f"token {self._token}"}
        data = None if sent is None else json.dumps(sent).encode()
        request = urllib.request.Request(self.address + path, data, method=method, headers=headers)
        with urllib.request.urlopen(request, timeout=60) as answer:
            content = answer.read()
        return json.loads(content) if content else None

    @contextlib.contextmanager
    def bare(self) -> Iterator[None]:
        """Serve pages without pathos_nb's extension, as where it is not installed."""
        there, aside = self._extensions / "pathos-nb", self._extensions.parent / "aside"
        there.rename(aside)
        there.mkdir()  # an empty one of its name hides that of this environment, if it is installed there
        (there / "package.json").write_text('{"name": "pathos-nb", "version": "0", "jupyterlab": {}}')
        try:
            yield
        finally:
            shutil.rmtree(there)
            aside.rename(there)

    def end_kernels(self) -> None:
        """End all kernels, and what runs in them."""
        deadline = time.monotonic() + START_S
        while kernels := [kernel["id"] for kernel in self.ask("GET", "api/kernels")]:
            if time.monotonic() > deadline:
                raise RuntimeError(f"kernels do not end: {kernels}\n{self.log.read_text()[-3000:]}")
            for kernel in kernels:
                with contextlib.suppress(urllib.request.HTTPError):  # it has just ended by itself, or only begins
                    self.ask("DELETE", f"api/kernels/{kernel}")
            time.sleep(0.05)

    def close(self) -> None:
        """End the server and its kernels."""
        with self._sockets:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(30)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()

    def _start(self) -> subprocess.Popen[bytes]:
        env = {name: value for name, value in os.environ.items() if name not in _NOT_OURS}
        env |= {name: str(path) for name, path in self._folders.items()}
        env |= {"JUPYTER_TOKEN": self._token, "JUPYTER_PREFER_ENV_PATH": "1", "PYTHONPATH": str(ROOT)}
        env |= {"PYDEVD_DISABLE_FILE_VALIDATION": "1", "JUPYTER_PLATFORM_DIRS": "1"}
        words = [f"--{name}={value}" for name, value in self._options()]
        with self.log.open("wb") as out:
            return subprocess.Popen(
                [sys.executable, "-m", "jupyterlab", *words], env=env, cwd=self.root, stdin=subprocess.DEVNULL,
                stdout=out, stderr=out, start_new_session=True,
            )  # fmt: skip

    def _options(self) -> Iterator[tuple[str, object]]:
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port = probe.getsockname()[1]
        server = {"ip": "127.0.0.1", "port": port, "open_browser": False, "allow_root": True, "root_dir": self.root}
        yield from ((f"ServerApp.{name}", value) for name, value in server.items())
        for app in ("LabApp", "JupyterNotebookApp"):
            yield f"{app}.expose_app_in_browser", True
            yield f"{app}.extra_labextensions_path", self._extensions
        yield "KernelManager.transport", "ipc"
        yield "LabApp.extension_manager", "readonly"
        yield "LabApp.news_url", None
        yield "LabApp.check_for_updates_class", "jupyterlab.NeverCheckForUpdate"

    def _wait_until_it_answers(self) -> str:
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline and self._process.poll() is None:
            for file in self._folders["JUPYTER_RUNTIME_DIR"].glob("jpserver-*.json"):
                with contextlib.suppress(OSError, ValueError):
                    self.address = json.loads(file.read_text())["url"]
                    self.ask("GET", "api/status")
                    return self.address
            time.sleep(0.05)
        self.close()
        raise RuntimeError(f"the Jupyter server did not start:\n{self.log.read_text()[-3000:]}")
