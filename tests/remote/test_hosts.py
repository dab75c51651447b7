"""The registry of hosts: a file that a person reads and edits."""

from __future__ import annotations

import threading

import pytest

from pathos_nb import hosts
from pathos_nb.errors import BadOption
from pathos_nb.hosts import Host

NODE7 = Host("node7", "node7.example.org", "me", 2222, "~/.ssh/id", "gate", "openssh", "python3.12", 8, ".profile")


def test_what_is_saved_is_there_again(home):
    full = Host(
        **{**{n: getattr(NODE7, n) for n in Host.__slots__}, "setup": ("module load python", "export A='b = %x'")}
    )
    hosts.save(full)
    hosts.save(Host("node8"))
    assert hosts.load() == {"node7": full, "node8": Host("node8")}
    assert hosts.get("node7") == full
    assert hosts.get("node9") is None
    assert hosts.path() == home / ".config" / "pathos_nb" / "hosts.ini"
    assert hosts.path().stat().st_mode & 0o777 == 0o600
    assert hosts.path().parent.stat().st_mode & 0o777 == 0o700


def test_the_place_follows_xdg(home, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home / "else"))
    hosts.save(NODE7)
    assert (home / "else" / "pathos_nb" / "hosts.ini").exists()


def test_what_a_person_wrote_stays(home):
    for name in ("a", "b", "c"):
        hosts.save(Host(name, user="me"))
    text = hosts.path().read_text().replace("[c]", "# my own words\n\n[c]").replace("[a]\n", "[a]\n# about a\n")
    hosts.path().write_text(text)
    hosts.save(Host("b", user="you"))
    assert hosts.load()["b"].user == "you"
    assert list(hosts.load()) == ["a", "b", "c"]
    assert "# about a" in hosts.path().read_text()
    assert hosts.remove("b")
    assert not hosts.remove("b")
    assert list(hosts.load()) == ["a", "c"]


def test_each_line_of_a_person_stays_where_it_is(home):
    hosts.save(Host("a", user="me"))
    text = "# mine\n[a]\n# about a\nuser = me\n\n# my note about b\n[b]\nuser = you\n# the end\n"
    hosts.path().write_text(text)
    hosts.save(Host("a", user="she"))
    assert hosts.path().read_text() == text.replace("user = me", "user = she")
    hosts.save(Host("c"))
    assert hosts.path().read_text() == f"{text.replace('user = me', 'user = she')}\n[c]\n"
    assert hosts.remove("a") and hosts.remove("c")
    assert hosts.path().read_text() == "# mine\n# my note about b\n[b]\nuser = you\n# the end\n"


def test_a_link_to_the_file_stays_a_link(home):
    kept = home / "dotfiles" / "my.ini"
    kept.parent.mkdir()
    kept.write_text("[a]\nuser = me\n")
    hosts.path().parent.mkdir(parents=True)
    hosts.path().symlink_to(kept)
    hosts.save(NODE7)
    assert hosts.path().is_symlink() and list(hosts.load()) == ["a", "node7"]
    assert "[node7]" in kept.read_text() and kept.stat().st_mode & 0o777 == 0o600


def test_a_mark_before_the_text_is_passed_over(home):
    hosts.path().parent.mkdir(parents=True)
    hosts.path().write_text("[a]\nuser = me\n", encoding="utf-8-sig")
    assert hosts.get("a").user == "me"
    hosts.save(Host("a", user="you"))
    assert hosts.load() == {"a": Host("a", user="you")}


def test_a_file_that_makes_no_sense_is_said_and_not_written_over(home):
    hosts.save(NODE7)
    hosts.path().write_text("user = me\n")
    for action in (hosts.load, lambda: hosts.get("b"), lambda: hosts.save(NODE7)):
        with pytest.raises(BadOption, match="cannot be read.*mend .*hosts.ini"):
            action()
    assert hosts.path().read_text() == "user = me\n"
    assert "cannot be read" in str(hosts.faults()[""])


@pytest.mark.parametrize(("line", "said"), [("colour = red", "colour for a"), ("port = x", "no number")])
def test_a_section_that_makes_no_sense_is_said_where_it_matters_and_stays(home, line, said):
    hosts.save(NODE7)
    hosts.path().write_text(f"[a]\n{line}\n\n[b]\nuser = me\n")
    assert list(hosts.load()) == ["b"] and hosts.get("b").user == "me"
    assert said in str(hosts.faults()["a"])
    with pytest.raises(BadOption, match=f"{said}.*mend .*hosts.ini"):
        hosts.get("a")
    hosts.save(NODE7)
    assert hosts.path().read_text().startswith(f"[a]\n{line}\n") and hosts.get("node7") == NODE7


@pytest.mark.parametrize(
    "host", [Host("a]b"), Host(""), Host("-x"), Host("a\nb"), Host("a", user="x\ny"), Host("a", setup=("b\nc",))]
)
def test_what_the_file_cannot_hold_is_refused(home, host):
    with pytest.raises(BadOption, match=r"not a name|line break"):
        hosts.save(host)
    assert not hosts.path().exists()


def test_many_writers_lose_nothing(home):
    threads = [threading.Thread(target=hosts.save, args=(Host(f"n{i}"),)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(hosts.load()) == {f"n{i}" for i in range(8)}


def test_the_names_of_pathos(home):
    assert hosts.get_profile("foo") == ".bash_profile"
    assert hosts.get_profile("foo", assume=False) is None
    hosts.register("foo")
    hosts.register_profiles({"bar": ".cshrc", "baz": ""})
    assert hosts.get_profiles() == {"foo": ".bash_profile", "bar": ".cshrc", "baz": ""}
    assert hosts.get_profile("bar") == ".cshrc"
    hosts.save(NODE7)
    hosts.register("node7", ".bashrc")
    assert hosts.get("node7").user == "me"
    assert hosts.get_profile("node7") == ".bashrc"
