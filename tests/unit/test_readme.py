"""What the README shows is so."""

import re
import tomllib

import pytest

from rwe import site
from tests.cli import folders
from tests.run import rwe

README = (folders.ROOT / "README.md").read_text()


def test_its_sites_toml_is_sound_and_shows_every_login(tmp_path):
    (block,) = re.findall(r"```toml\n(.*?)```", README, re.S)
    (tmp_path / site.FILE).write_text(block)
    sites = site.load(tmp_path)
    assert [s.id for s in sites] == [*tomllib.loads(block)]
    shown = {a.scheme for s in sites for a in (s.table.auth, s.table.bulk_auth) if a}
    assert shown == {*site.SCHEMES}


@pytest.mark.parametrize("verb", ["pull"])
def test_its_options_are_those_of_the_verb(verb):
    table = README.partition("| option | does |")[2].partition("\n\n")[0]
    named = {*re.findall(r"^\| `(--[a-z-]+)", table, re.M)} | {"--dry-run", "--dir", "--help"}
    assert named == {*re.findall(r"(--[a-z-]+)", rwe(verb, "--help").stdout.partition("Options:")[2])}


def test_every_verb_stands_in_its_table():
    verbs = re.findall(r"^  ([a-z]+) ", rwe("--help").stdout.partition("Commands:")[2], re.M)
    assert len(verbs) > 15
    assert [v for v in verbs if f"| `rwe {v}" not in README] == []
