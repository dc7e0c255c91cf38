"""`pushwarden …` in fresh processes without a second of imports each: a warm process forks one child a command."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any


class Warm:
    """Close it when done. Answers as subprocess.run would."""

    def __init__(self, folder: Path, environ: Mapping[str, str]) -> None:
        self._child = subprocess.Popen(
            [sys.executable, __file__], cwd=folder, env=dict(environ), stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        self._asked = 0

    def run(self, words: Sequence[str], stdin: bytes, environ: Mapping[str, str]) -> subprocess.CompletedProcess[bytes]:
        assert self._child.stdin and self._child.stdout
        self._asked += 1
        request = {
            "number": self._asked, "words": list(words), "stdin": base64.b64encode(stdin).decode(),
            "environ": dict(environ),
        }  # fmt: skip
        self._child.stdin.write(json.dumps(request).encode() + b"\n")
        self._child.stdin.flush()
        number = 0
        while number != self._asked:  # the answer to a test that was ended by its timeout is nobody's
            number, code, out, err = json.loads(self._child.stdout.readline())
        return subprocess.CompletedProcess(list(words), code, base64.b64decode(out), base64.b64decode(err))

    def close(self) -> None:
        self._child.communicate(timeout=10)


def _child(request: dict[str, Any], files: Sequence[int]) -> int:
    from pushwarden.cli.main import main

    for number, file in enumerate(files):
        os.dup2(file, number)
    os.environ.clear()
    os.environ.update(request["environ"])
    sys.argv = ["pushwarden", *request["words"]]
    try:
        main()
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
    return 0


def _serve(line: bytes) -> list[Any]:
    request = json.loads(line)
    with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        given.write(base64.b64decode(request["stdin"]))
        given.seek(0)
        pid = os.fork()
        if pid == 0:
            code = 70
            try:
                code = _child(request, [given.fileno(), out.fileno(), err.fileno()])
            finally:
                os._exit(code)
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        said = [Path(f"/proc/self/fd/{file.fileno()}").read_bytes() for file in (out, err)]
    return [request["number"], code, *(base64.b64encode(part).decode() for part in said)]


if __name__ == "__main__":
    import pushwarden.cli.main  # noqa: F401 - what makes it warm

    for line in sys.stdin.buffer:
        sys.stdout.write(json.dumps(_serve(line)) + "\n")
        sys.stdout.flush()
