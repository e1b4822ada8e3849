"""The house rules that a linter does not know: sizes, READMEs, words that have no place here."""

import ast
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src" / "penstock"
MODULE_LINES_MAX = 600
FUNCTION_LINES_MAX = 60
ROOMS = sorted(p for p in SOURCE.iterdir() if p.is_dir() and p.name != "__pycache__")
MODULES = sorted(SOURCE.rglob("*.py"))


def tracked_texts() -> list[Path]:
    """Files git tracks or would track, less binaries."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split("\n")
    binary = {".png", ".svg", ".gz", ".jar", ".bin"}
    return [p for p in map(ROOT.joinpath, listed) if p.is_file() and p.suffix not in binary]


@pytest.mark.parametrize("module", MODULES, ids=lambda p: str(p.relative_to(SOURCE)))
def test_a_module_stays_small(module):
    text = module.read_text(encoding="utf-8")
    # The body is counted, not the signature: a command's options are a list, not logic.
    long_functions = [
        f"{node.name} ({lines} lines)"
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (lines := node.end_lineno - node.body[0].lineno + 1) > FUNCTION_LINES_MAX
    ]

    assert text.count("\n") <= MODULE_LINES_MAX
    assert long_functions == []


@pytest.mark.parametrize("room", ROOMS, ids=lambda p: p.name)
def test_a_room_tells_its_purpose_on_one_page(room):
    readme = room / "README.md"

    assert readme.is_file()
    assert 3 <= readme.read_text(encoding="utf-8").count("\n") <= 110


def test_packages_hold_no_logic_in_their_init():
    guilty = [
        str(p.relative_to(ROOT))
        for p in SOURCE.rglob("__init__.py")
        for node in ast.parse(p.read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.If | ast.For | ast.Try | ast.With)
    ]

    assert guilty == []


LINK = re.compile(r"\]\((?!https?:|#)([\w./-]+)(?:#[^)]*)?\)")
TESTS_TO_RUN = re.compile(r"(?<=[ `])tests/[\w./]+")


@pytest.mark.parametrize(
    "page", [p for p in tracked_texts() if p.suffix == ".md"], ids=lambda p: str(p.relative_to(ROOT))
)
def test_what_a_page_points_at_is_there(page):
    text = page.read_text(encoding="utf-8")

    dead = [link for link in LINK.findall(text) if not (page.parent / link).exists()]
    dead += [path for path in TESTS_TO_RUN.findall(text) if not (ROOT / path.rstrip(".")).exists()]

    assert dead == []


def test_no_module_is_a_drawer():
    assert [p for p in MODULES if p.stem in {"utils", "util", "helpers", "misc", "common"}] == []


# Put together here so that this file does not find itself.
BANNED = re.compile(
    "|".join(["TO" + "DO", "FIX" + "ME", r"/ro" + r"ot/", r"/wo" + r"rk/", "type: " + "ignore", "# no" + "qa"])
)


def test_nothing_unfinished_silenced_or_local_is_left_in_the_tree():
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()[:80]}"
        for path in tracked_texts()
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").split("\n"), 1)
        if BANNED.search(line)
    ]

    assert found == []
