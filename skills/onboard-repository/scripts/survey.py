#!/usr/bin/env python3
"""Prints what a newcomer wants to know of a repository: survey.py [FOLDER]"""

import json
import os
import re
import subprocess
import sys
from collections import Counter, defaultdict

SKIP = {".git", "node_modules", "vendor", "third_party", "dist", "build", "target", "out", ".venv", "venv", "__pycache__", ".next", ".cache", "coverage", ".idea", ".terraform"}
LANGUAGES = {
    ".go": "Go", ".py": "Python", ".js": "JavaScript", ".mjs": "JavaScript", ".jsx": "JavaScript", ".ts": "TypeScript", ".tsx": "TypeScript", ".java": "Java", ".kt": "Kotlin",
    ".rs": "Rust", ".rb": "Ruby", ".php": "PHP", ".cs": "C#", ".c": "C", ".h": "C", ".cc": "C++", ".cpp": "C++", ".hpp": "C++", ".swift": "Swift", ".scala": "Scala", ".ex": "Elixir",
    ".sh": "Shell", ".sql": "SQL", ".html": "HTML", ".css": "CSS", ".scss": "CSS", ".vue": "Vue", ".svelte": "Svelte", ".md": "Markdown", ".tf": "Terraform", ".proto": "Protobuf",
}
MANIFESTS = {
    "go.mod", "package.json", "pyproject.toml", "setup.py", "requirements.txt", "Cargo.toml", "pom.xml", "build.gradle", "build.gradle.kts", "Gemfile", "composer.json", "Makefile",
    "justfile", "Taskfile.yml", "Dockerfile", "docker-compose.yml", "compose.yaml", "tox.ini", "CMakeLists.txt", "mix.exs", "deno.json", "isekai.json",
}
GUIDES = {"readme.md", "readme.rst", "contributing.md", "agents.md", "claude.md", "changelog.md", "license", "license.md", "security.md", "codeowners", "architecture.md"}
TEST = re.compile(r"(_test\.go|(^|/)test_[^/]*\.py|_test\.py|\.(test|spec)\.[jt]sx?|Test\.java|_spec\.rb|Tests?\.cs)$")
CI = re.compile(r"^(\.github/workflows/|\.gitlab-ci\.yml|azure-pipelines|\.circleci/|Jenkinsfile|\.drone\.yml|\.buildkite/|bitbucket-pipelines)")
MOST = 50_000


def walk(root):
    """Yields path, lines and size of the text files below root."""
    n = 0
    for folder, folders, files in os.walk(root):
        folders[:] = sorted(f for f in folders if f not in SKIP)
        for name in sorted(files):
            path = os.path.join(folder, name)
            n += 1
            if n > MOST or os.path.islink(path):
                continue
            try:
                size = os.path.getsize(path)
                with open(path, "rb") as f:
                    data = f.read(2 << 20)
            except OSError:
                continue
            if b"\0" not in data[:8192]:
                yield os.path.relpath(path, root).replace(os.sep, "/"), data.count(b"\n"), size


def heading(text):
    print("\n## " + text)


def commands(root, path):
    """Returns the commands that a manifest has, a line each."""
    try:
        with open(os.path.join(root, path), encoding="utf-8", errors="replace") as f:
            text = f.read(1 << 20)
    except OSError:
        return []
    name = os.path.basename(path)
    if name in ("package.json", "deno.json", "composer.json"):
        try:
            scripts = json.loads(text).get("scripts") or json.loads(text).get("tasks") or {}
        except (ValueError, AttributeError):
            return ["(isn't JSON)"]
        return [f"{k}: {' '.join(str(v).split())[:120]}" for k, v in list(scripts.items())[:30]]
    if name in ("Makefile", "justfile"):
        return list(dict.fromkeys(re.findall(r"^([A-Za-z][\w.-]*)\s*:(?!=)", text, re.M)))[:40]
    if name == "go.mod":
        return re.findall(r"^(?:module|go) .*$", text, re.M)
    if name in ("pyproject.toml", "Cargo.toml"):
        return re.findall(r"^\[[^\]]+\]$", text, re.M)[:30]
    return []


def git(root, *args):
    try:
        r = subprocess.run(["git", "-c", "safe.directory=*", "-C", root, *args], capture_output=True, text=True, errors="replace", timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return r.stdout if r.returncode == 0 else ""


def main():
    root = os.path.abspath(sys.argv[1] if len(sys.argv) > 1 else ".")
    if not os.path.isdir(root):
        sys.exit(f"error: {root} isn't a folder")
    files = list(walk(root))
    if not files:
        sys.exit("error: there are no text files")
    print(f"# {os.path.basename(root)}: {len(files)} text files")

    lines, count = Counter(), Counter()
    tests = defaultdict(int)
    folders = defaultdict(Counter)
    for path, n, _ in files:
        language = LANGUAGES.get(os.path.splitext(path)[1].lower())
        if language:
            lines[language] += n
            count[language] += 1
        parts = path.split("/")
        folders["/".join(parts[:-1][:2]) or "."][language or "other"] += 1
        if TEST.search(path):
            tests["/".join(parts[:-1][:2]) or "."] += 1
    heading("Languages")
    for language, n in lines.most_common(12):
        print(f"{language}: {n:,} lines in {count[language]} files")

    heading("Folders (two levels)")
    for folder, kinds in sorted(folders.items())[:80]:
        print(f"{folder}: " + ", ".join(f"{n} {k}" for k, n in kinds.most_common(3)) + (f"; {tests[folder]} test files" if tests[folder] else ""))

    heading("Guides, manifests, CI")
    for path, _, _ in files:
        if os.path.basename(path).lower() in GUIDES or CI.match(path):
            print(path)
    for path, _, _ in files:
        if os.path.basename(path) in MANIFESTS and path.count("/") <= 3:
            print(path)
            for line in commands(root, path):
                print("  " + line)

    heading("Largest source files")
    source = [f for f in files if os.path.splitext(f[0])[1].lower() in LANGUAGES and not f[0].endswith(".md")]
    for path, n, _ in sorted(source, key=lambda f: -f[1])[:15]:
        print(f"{n:>7,} {path}")

    changed = Counter(p for p in git(root, "log", "--no-merges", "--since=1.year", "-n", "2000", "--format=", "--name-only").split("\n") if p)
    if changed:
        heading("Changed most often in a year")
        for path, n in changed.most_common(15):
            print(f"{n:>5} {path}")
        heading("Last commits")
        print(git(root, "log", "--oneline", "-n", "10").rstrip())
    marks = Counter()
    for path, _, size in source:
        if size < 1 << 20:
            with open(os.path.join(root, path), encoding="utf-8", errors="replace") as f:
                marks[path] = len(re.findall(r"\b(?:TODO|FIXME|HACK|XXX)\b", f.read()))
    if sum(marks.values()):
        heading("TODO, FIXME, HACK")
        for path, n in marks.most_common(8):
            if n:
                print(f"{n:>5} {path}")


if __name__ == "__main__":
    main()
