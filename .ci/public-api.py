#!/usr/bin/env python3
"""The public face of the facade, one line for each item and method, out of rustdoc's pages.

Usage: .ci/public-api.py DOC_DIR [--write]. DOC_DIR is the folder where `cargo doc` put the pages.
Compares with docs/public-api.txt, and fails when it differs; --write records it. Hidden items and
implementations of traits are not part of it.
"""

import difflib
import html
import pathlib
import re
import sys

RECORD = pathlib.Path(__file__).resolve().parent.parent / "docs" / "public-api.txt"
KINDS = ("struct", "enum", "trait", "fn", "macro", "type", "constant")


def text(page: str) -> str:
    """The text of some HTML, on one line."""
    links = r"<summary.*?</summary>|<a [^>]*class=\"(?:src|anchor)[^>]*>.*?</a>"
    page = re.sub(links, "", page, flags=re.S)
    line = html.unescape(re.sub(r"<[^>]*>", "", page))
    # No-break spaces, and the mark of notable traits.
    line = re.sub(r"\s+", " ", line.replace("\u00a0", " ").replace("ⓘ", ""))
    line = re.sub(r"(?<=[^\s])where ", " where ", line)
    return line.replace("( ", "(").replace(", )", ")").replace("]pub ", "] pub ").strip()


def lines_of(path: pathlib.Path, module: str):
    """The item of a page and its methods."""
    kind, name = path.name.split(".")[:2]
    page = path.read_text(encoding="utf-8")
    declared = re.search(r'<pre class="rust item-decl"><code>(.*?)</code></pre>', page, re.S)
    if kind == "macro":
        yield f"{module}::{name}!"
        return
    declaration = text(declared.group(1)) if declared else name
    # Of a trait its page gives the methods anyway, below.
    declaration = re.sub(r" ?\{.*", "", declaration) if kind == "trait" else declaration
    yield f"{module}::{name}: {declaration}"
    # Methods that `Deref` gives are those of std, and change with the toolchain.
    foreign = "trait-implementations|foreign-impls|implementors|synthetic-implementations|deref-methods"
    own = re.split(rf'id="(?:{foreign})', page)[0]
    kinds = "method|associatedtype|associatedconstant"
    methods = rf'<section id="(?:ty)?(?:{kinds})\.[^"]*"[^>]*>(.*?)</section>'
    for method in re.findall(methods, own, re.S):
        header = re.search(r'<h4 class="code-header">(.*?)</h4>', method, re.S)
        if header:
            yield f"{module}::{name}: {text(header.group(1))}"


def face(root: pathlib.Path):
    found = []
    for path in root.rglob("*.html"):
        if path.name.split(".")[0] in KINDS and "!" not in path.name:
            module = "::".join(path.parent.relative_to(root.parent).parts)
            found.extend(lines_of(path, module))
    return sorted(set(found))


def main() -> int:
    pages, write = pathlib.Path(sys.argv[1]) / "rowmill", "--write" in sys.argv[2:]
    now = face(pages)
    if len(now) < 100:
        print(f"FAILED: {pages} has {len(now)} items; make the pages with cargo doc", file=sys.stderr)
        return 1
    if write:
        RECORD.write_text("\n".join(now) + "\n", encoding="utf-8")
        return 0
    before = RECORD.read_text(encoding="utf-8").splitlines()
    changes = list(difflib.unified_diff(before, now, "recorded", "now", lineterm="", n=0))
    if changes:
        print("\n".join(changes))
        print("FAILED: the public face changed; if it was meant to, use --write", file=sys.stderr)
        return 1
    print(f"the public face is as recorded: {len(now)} lines")
    return 0


sys.exit(main())
