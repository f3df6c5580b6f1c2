#!/usr/bin/python3
"""The documents against the tree: what they name exists, README is short, the words are few.

Why passing proves it: every path, link and function is looked up where it must stand, and sentences are counted.
"""
import glob
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "python"))
import tap  # noqa: E402

ROOT = os.path.abspath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
GUIDE = sorted(glob.glob(os.path.join(ROOT, "reference", "guide", "*.md")))
PAGES = [os.path.join(ROOT, name) for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "reference/THEORY.md",
                                               "reference/golden/README.md", "reference/oracle/README.md")] + GUIDE


def read(path):
    with open(path, encoding="utf-8") as text:
        return text.read()


def prose(page):
    """The page without code, tables, headings and pictures."""
    text = re.sub(r"^```.*?^```$", "", read(page), flags=re.M | re.S)
    return re.sub(r"^(    |\||#|!\[).*$", "", text, flags=re.M)


def long_sentences(page):
    """The sentences of more than 30 words; a paragraph and an item of a list end sentences too."""
    paragraphs = re.split(r"\n\s*\n|^- |^\d\. ", prose(page), flags=re.M)
    sentences = [s for p in paragraphs for s in re.split(r"(?<=[.!?])[)\"]?\s+", " ".join(p.split()))]
    return [s for s in sentences if len(s.split()) > 30]


def missing(page, found):
    """`PAGE: NAME` for each name that a function finds in the page and cannot look up."""
    return [f"{os.path.relpath(page, ROOT)}: {name}" for name in sorted(set(found))]


def test_readme_is_short():
    """README has at most 150 lines and 3 sentences of more than 30 words; a page of the guide at most 1"""
    readme = PAGES[0]
    assert len(read(readme).splitlines()) <= 150, len(read(readme).splitlines())
    assert len(long_sentences(readme)) <= 3, long_sentences(readme)
    many = {os.path.basename(page): long_sentences(page) for page in GUIDE if len(long_sentences(page)) > 1}
    assert not many, many


def test_links():
    """Every link to a file leads to one"""
    gone = [m for page in PAGES for m in missing(page, (
        target for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", read(page))
        if not os.path.exists(os.path.join(os.path.dirname(page), target))))]
    assert not gone, gone


def test_paths():
    """Every path into src, tests, tools, include or reference exists; <name> stands for any name"""
    def exists(path):
        return glob.glob(os.path.join(ROOT, re.sub(r"<\w+>", "*", path)))
    gone = [m for page in PAGES for m in missing(page, (
        path for path in re.findall(r"(?<![\w/.-])((?:src|tests|tools|include|reference)/[\w./<>*-]*[\w/>*])", read(page))
        if not exists(path)))]
    assert not gone, gone


def test_folders():
    """CONTRIBUTING has a row for every folder of src, and a folder includes only what stands above it"""
    rows = re.findall(r"^\| `src/(\w+)/`", read(os.path.join(ROOT, "CONTRIBUTING.md")), re.M)
    assert sorted(rows) == sorted(os.listdir(os.path.join(ROOT, "src"))), rows
    for k, folder in enumerate(rows):
        for path in glob.glob(os.path.join(ROOT, "src", folder, "*.[ch]")):
            below = set(re.findall(r'^#include "(\w+)/', read(path), re.M)) & set(rows[k + 1:])
            assert not below, (path, below)


def test_what_to_touch():
    """Every source that names a row or an operator is in CONTRIBUTING's list of what to touch for a new one"""
    for name, heading in (("pigdm", "Adding a sampler"), ("motion_blur", "Adding an operator")):
        chapter = read(os.path.join(ROOT, "CONTRIBUTING.md")).split(f"## {heading}\n")[1].split("\n## ")[0]
        for path in glob.glob(os.path.join(ROOT, "src", "*", "*.c")):
            if re.search(rf'["|]{name}["|]', read(path)):
                assert f"`{os.path.relpath(path, ROOT)}`" in chapter, (heading, path)


def test_functions():
    """Every function and type that is named is in a header, every test program in tests/"""
    def files(*parts):
        return glob.glob(os.path.join(ROOT, *parts), recursive=True)
    known = set(re.findall(r"\bgref_\w+", "".join(map(read, files("include", "gref", "*.h") + files("src", "**", "*.h")))))
    known |= {os.path.splitext(os.path.basename(path))[0] for path in files("tests", "**", "*.*")}
    gone = [m for page in PAGES for m in missing(page, (
        name for name in re.findall(r"\b((?:gref|test)_\w+)\b", re.sub(r"^```.*?^```$", "", read(page), flags=re.M | re.S))
        if name not in known))]
    assert not gone, gone
    for page in PAGES:  # "test_module: property, property"
        for module, names in re.findall(r"\b(test_\w+): (\w+(?:, \w+)*)", read(page)):
            for name in names.split(", "):
                assert f"{name})" in read(os.path.join(ROOT, "tests", f"{module}.c")), (page, module, name)


def test_symbols():
    """Every name in THEORY's table of symbols occurs in the file beside it"""
    table = read(os.path.join(ROOT, "reference", "THEORY.md")).split("## 12. ")[1]
    rows = re.findall(r"^\|[^|]*(?:\\\|[^|]*)*\| ([^|]*) \| (\S+\.[ch]) \|$", table, re.M)
    assert len(rows) > 10, rows
    for names, path in rows:
        for name in re.findall(r"`(\w+)`", names):
            assert re.search(rf"\b{name}\b", read(os.path.join(ROOT, path))), (name, path)


def test_guide_opens_with_an_example():
    """Every page of the guide but its index opens with commands and what they print, and the index links to it"""
    index = read(os.path.join(ROOT, "reference", "guide", "README.md"))
    for page in GUIDE:
        name = os.path.basename(page)
        if name != "README.md":
            assert re.search(r"^```console[^\n]*\n\$ [^\n]+\n", read(page).split("\n## ")[0], re.M), name
            assert f"({name})" in index, name


if __name__ == "__main__":
    sys.exit(tap.run(dict(globals())))
