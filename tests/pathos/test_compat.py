"""`import pathos` under `compat.install`: here, in workers, and from the command line."""

from __future__ import annotations

import sys
import textwrap

import pytest

from pathos_nb import compat
from pathos_nb.launchers.registry import registry
from pathos_nb.pools import ProcessPool, ThreadPool


@pytest.fixture
def installed():
    compat.install()
    yield
    compat.uninstall()


def test_modules_are_ours_under_the_names_of_pathos(installed):
    import pathos
    import pathos.multiprocessing
    import pathos.pools as named
    from pathos.helpers import mp_helper

    import pathos_nb.pools as own

    assert named is own
    assert pathos.pools is own
    assert pathos.multiprocessing.ProcessPool is ProcessPool
    assert mp_helper.starargs(pow)((2, 3)) == 8
    assert pathos.python is sys.modules["pathos_nb.serial"]


def test_uninstall_takes_everything_back(installed):
    import pathos.pools

    assert pathos.pools.ProcessPool is ProcessPool
    hooks = len(sys.meta_path)
    compat.uninstall()
    assert len(sys.meta_path) == hooks - 1
    assert not [name for name in sys.modules if name.split(".")[0] == "pathos"]
    assert "pathos_nb.compat:install" not in registry.worker_hooks


def test_what_was_imported_before_comes_back():
    before = {name: module for name, module in sys.modules.items() if name.split(".")[0] == "pathos"}
    stranger = sys.modules["pathos"] = type(sys)("pathos")
    try:
        compat.install()
        import pathos

        assert pathos is not stranger
        compat.uninstall()
        assert sys.modules["pathos"] is stranger
    finally:
        del sys.modules["pathos"]
        sys.modules.update(before)


def test_installing_twice_is_installing_once(installed):
    hooks = len(sys.meta_path)
    compat.install()
    assert len(sys.meta_path) == hooks
    assert registry.worker_hooks.count("pathos_nb.compat:install") == 1


@pytest.mark.parametrize("module", ["core", "hosts", "secure", "connection", "selector", "portpicker", "xmlrpc"])
def test_remote_modules_say_that_they_are_not_in_yet(installed, module):
    with pytest.raises(ImportError, match=rf"pathos.{module} works on other machines"):
        __import__(f"pathos.{module}")


def test_a_name_that_never_was_is_not_found(installed):
    with pytest.raises(ModuleNotFoundError, match="nothing by the name"):
        import pathos.nonsense
    import pathos

    assert not hasattr(pathos, "core")
    assert not hasattr(pathos, "nonsense")


@pytest.mark.parametrize("kind", [ThreadPool, ProcessPool], ids=lambda kind: kind.__name__)
def test_a_worker_imports_pathos_from_here_too(installed, kind):
    def who():
        import pathos.pools

        return pathos.pools.__name__, pathos.pools.ProcessPool.__module__

    assert kind(1).pipe(who) == ("pathos_nb.pools", "pathos_nb.multiprocessing")


def test_a_worker_that_ran_before_install_imports_it_as_well():
    def who():
        import pathos.pools

        return pathos.pools.__name__

    pool = ProcessPool(1)
    assert pool.pipe(abs, -1) == 1
    compat.install()
    try:
        assert pool.pipe(who) == "pathos_nb.pools"
    finally:
        compat.uninstall()


def test_a_worker_of_a_worker_imports_it_as_well(installed):
    def who():
        import pathos.pools

        return pathos.pools.__name__

    assert ProcessPool(1).pipe(lambda: ProcessPool(1, id="inner").pipe(who)) == "pathos_nb.pools"


SCRIPT = """
import sys
from pathos.pools import ProcessPool

def named(x):
    from pathos.pools import ProcessPool
    return ProcessPool.__module__, x

if __name__ == "__main__":
    print(ProcessPool(2).map(named, [1, 2]))
    print(sys.argv[1:], __name__)
"""
TOLD = "[('pathos_nb.multiprocessing', 1), ('pathos_nb.multiprocessing', 2)]\n['a', '--b'] __main__\n"


@pytest.fixture
def script(tmp_path):
    path = tmp_path / "written_for_pathos.py"
    path.write_text(textwrap.dedent(SCRIPT))
    return path


def test_a_script_runs_unchanged(run_python, script):
    done = run_python("-m", "pathos_nb.compat", str(script), "a", "--b")
    assert (done.stdout, done.stderr, done.returncode) == (TOLD, "", 0)


def test_a_module_runs_unchanged(run_python, script):
    done = run_python("-m", "pathos_nb.compat", "-m", script.stem, "a", "--b", cwd=script.parent)
    assert (done.stdout, done.stderr, done.returncode) == (TOLD, "", 0)


def test_a_script_finds_the_modules_beside_it(run_python, script, tmp_path):
    (tmp_path / "neighbour.py").write_text("ANSWER = 42\n")
    script.write_text("import neighbour\nprint(neighbour.ANSWER)\n")
    assert run_python("-m", "pathos_nb.compat", str(script), cwd="/").stdout == "42\n"


def test_the_exit_code_is_that_of_the_script(run_python, script):
    script.write_text("raise SystemExit(3)\n")
    assert run_python("-m", "pathos_nb.compat", str(script)).returncode == 3


@pytest.mark.parametrize(("arguments", "code"), [([], 2), (["-m"], 2), (["--nonsense"], 2), (["--help"], 0)])
def test_misuse_of_the_command_line_shows_its_usage(run_python, arguments, code):
    done = run_python("-m", "pathos_nb.compat", *arguments)
    assert done.returncode == code
    assert "FILE|-m MODULE" in done.stdout + done.stderr


def test_the_pools_are_light_to_import(run_python):
    heavy = {"dill", "multiprocess", "numpy", "IPython", "ppft", "pathos", "asyncio"}
    code = f"import sys, pathos_nb.pools, pathos_nb.compat; print({heavy} & set(sys.modules))"
    assert run_python("-c", code).stdout == "set()\n"
