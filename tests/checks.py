"""`./dev check`: format, lint, strict types, import contracts, links and the rules a grep can hold."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
PYTHON = ["src", "tests", "benchmarks", "assets", "hatch_build.py"]
COMMANDS = {
    "format": [BIN / "ruff", "format", "--check", "--quiet", *PYTHON],
    "lint": [BIN / "ruff", "check", "--quiet", *PYTHON],
    "types": [BIN / "mypy"],
    "imports": [BIN / "lint-imports", "--no-cache"],
}
LINK = re.compile(r"\]\((?!https?:|mailto:|#)([^)#\s]+)(?:#[^)]*)?\)")
MACHINE_PATH = re.compile("|".join(f"/{name}/" for name in ("work", "farm", "root")))


def dead_links() -> list[str]:
    """Relative links in Markdown files that lead nowhere."""
    pages = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]
    return [
        f"{page.relative_to(ROOT)}: {target}"
        for page in pages
        for target in LINK.findall(page.read_text())
        if not (page.parent / target).exists()
    ]


def machine_paths() -> list[str]:
    """Files that name a path of one machine."""
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False).stdout.split()
    found = []
    for name in tracked:
        path = ROOT / name
        if path.suffix in {".py", ".md", ".toml", ".txt", ".sh", ""} and path.is_file() and name != "tests/checks.py":
            found += [name] if MACHINE_PATH.search(path.read_text(errors="replace")) else []
    return found


def main() -> int:
    """Runs every check to its end, so that one run shows all there is to mend."""
    failed = []
    for name, command in COMMANDS.items():
        done = subprocess.run([str(part) for part in command], cwd=ROOT, capture_output=True, text=True, check=False)
        print(f"{name:8} {'ok' if done.returncode == 0 else 'FAILED'}")
        if done.returncode:
            failed.append(name)
            print(done.stdout + done.stderr)
    for name, rows in (("links", dead_links()), ("paths", machine_paths())):
        print(f"{name:8} {'FAILED' if rows else 'ok'}", *rows, sep="\n  " if rows else "")
        failed += [name] if rows else []
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
