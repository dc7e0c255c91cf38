"""The child that reads a stranger's file: whatever the file makes it do, it can do no harm and is always reaped."""

from __future__ import annotations

import asyncio
import contextlib
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from pushwarden.core.errors import Busy
from pushwarden.wiring.limited import asking
from pushwarden.wiring.limited.asking import ForkServer
from pushwarden.wiring.limited.server import BROKEN, DONE, MOST, OUT_OF_MEMORY, Ending

HOSTILE = (sys.executable, str(Path(__file__).parent.parent / "hostile_reader.py"))
USERS = ["as we are", "nobody"] if os.getuid() == 0 else ["as we are"]
"""Where limits are set: for root they are not the same."""


@contextlib.asynccontextmanager
async def hostile(*arguments: str, **given: int) -> AsyncIterator[ForkServer]:
    server = ForkServer((*HOSTILE, *arguments), **given)
    try:
        yield server
    finally:
        server.close()


async def told(server: ForkServer, request: str) -> tuple[str, Ending]:
    answer, ending = await server.ask(request.encode())
    assert ending is not None
    return answer.decode(), ending


def ask(request: str, *arguments: str) -> tuple[str, Ending]:
    async def whole() -> tuple[str, Ending]:
        async with hostile(*arguments) as server:
            return await told(server, request)

    return asyncio.run(whole())


@pytest.mark.parametrize("user", USERS)
@pytest.mark.parametrize(
    ("request_", "refused"),
    [("fork", "EAGAIN"), ("write {path}", "EMFILE"), ("read /etc/hostname", "EMFILE"), ("dial {port}", "EMFILE")],
)
def test_a_child_starts_no_process_and_opens_no_file_and_no_connection(
    user: str, request_: str, refused: str, tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        words = request_.format(path=tmp_path / "planted", port=listening.getsockname()[1])
        answer, ending = ask(words, user)
    assert (answer, ending.code) == (refused, DONE)
    assert not list(tmp_path.iterdir())


def test_a_child_becomes_no_other_program() -> None:
    answer, ending = ask("execute")
    assert answer == ""
    assert ending.code != DONE


@pytest.mark.skipif(os.getuid() != 0, reason="only root can be somebody else")
def test_a_child_of_root_is_nobody() -> None:
    assert ask("user")[0] == "65534 65534 65534 []"


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        ("eat", OUT_OF_MEMORY),
        ("spin", -signal.SIGXCPU),
        ("deaf", -signal.SIGKILL),
        ("hasty sleep", -signal.SIGKILL),
        (f"die {int(signal.SIGSEGV)}", -signal.SIGSEGV),
        (f"die {int(signal.SIGKILL)}", -signal.SIGKILL),
        (f"swell {MOST * 2}", BROKEN),
        ("fail planted-secret", BROKEN),
        ("no such deed", BROKEN),
    ],
)
def test_a_child_that_breaks_is_ended_and_says_nothing(
    request_: str, code: int, capfd: pytest.CaptureFixture[str]
) -> None:
    answer, ending = ask(request_.removeprefix("hasty "), request_.partition(" ")[0])
    assert (answer, ending.code) == ("", code)
    assert ending.memory <= 128 << 20
    assert ending.cpu <= 2.1
    assert capfd.readouterr() == ("", "")


def test_where_the_system_allows_less_it_is_less() -> None:
    assert ask("remember x", "poor")[0] == "x"
    assert ask("eat", "poor")[1].code == OUT_OF_MEMORY
    assert ask("spin", "poor")[1].code in (-signal.SIGXCPU, -signal.SIGKILL)


def test_what_a_child_prints_goes_nowhere_and_its_answer_is_whole(capfd: pytest.CaptureFixture[str]) -> None:
    assert ask("speak planted-secret")[0] == "said"
    assert capfd.readouterr() == ("", "")


def test_a_child_that_talks_too_much_is_not_believed() -> None:
    answer, ending = ask("flood")
    assert (answer, ending.code) == ("", BROKEN)


def test_a_child_holds_nothing_but_its_own_socket() -> None:
    async def whole() -> None:
        async with hostile() as server:
            found = await asyncio.gather(*(told(server, "descriptors") for _ in range(asking.AT_ONCE * 3)))
            assert {answer for answer, _ in found} == {"0 1 2 3"}

    asyncio.run(whole())


def test_nothing_crosses_from_one_child_to_the_next() -> None:
    async def whole() -> None:
        async with hostile() as server:
            assert [(await told(server, f"remember {word}"))[0] for word in ("one", "two")] == ["one", "two"]

    asyncio.run(whole())


def test_a_thousand_files_leave_no_process_no_descriptor_and_no_memory() -> None:
    async def whole() -> None:
        async with hostile() as server:
            for deed in ("remember x", "die 9", "fail x"):
                await told(server, deed)
            await until(lambda: idle(server))
            before = _held(server)
            for number in range(1000):
                await told(server, ("remember x", "die 9", "fail x")[number % 3])
            await until(lambda: idle(server))
            assert _held(server) == before

    asyncio.run(whole())


def _held(server: ForkServer) -> tuple[int, int]:
    """Our descriptors and the server's anonymous memory in MiB."""
    status = dict(line.split(":\t", 1) for line in Path(f"/proc/{pid_of(server)}/status").read_text().splitlines())
    return len(list(Path("/proc/self/fd").iterdir())), int(status["RssAnon"].split()[0]) >> 10


def idle(server: ForkServer) -> bool:
    """No child, and no descriptor but standard input, output and error."""
    descriptors = len(list(Path(f"/proc/{pid_of(server)}/fd").iterdir()))
    return descriptors == 3 and not children(pid_of(server))


def pid_of(server: ForkServer) -> int:
    assert server.pid is not None
    return server.pid


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


async def until(condition: Callable[[], object]) -> None:
    while not condition():
        await asyncio.sleep(0.005)


def test_more_than_can_wait_are_turned_away_and_the_others_are_served() -> None:
    async def whole() -> None:
        async with hostile("hasty", most_waiting=2) as server:
            asked = [asyncio.create_task(server.ask(b"sleep")) for _ in range(asking.AT_ONCE)]
            asked += [asyncio.create_task(server.ask(b"user")) for _ in range(2)]
            await until(lambda: server.asked == asking.AT_ONCE + 2)
            with pytest.raises(Busy):
                await server.ask(b"user")
            answers = await asyncio.gather(*asked)
            assert [bool(answer) for answer, _ in answers] == [False] * asking.AT_ONCE + [True] * 2
            assert (await told(server, "remember x"))[0] == "x"

    asyncio.run(whole())


def test_the_loop_goes_on_while_a_file_is_read() -> None:
    async def whole() -> None:
        async with hostile("hasty") as server:
            asked = asyncio.create_task(server.ask(b"sleep"))
            turns = 0
            while not asked.done():
                await asyncio.sleep(0.005)
                turns += 1
            assert turns > 10

    asyncio.run(whole())


def test_an_asker_that_goes_away_leaves_nothing_behind() -> None:
    async def whole() -> None:
        async with hostile() as server:
            asked = asyncio.create_task(server.ask(b"spin"))
            await until(lambda: server.pid and children(server.pid))
            asked.cancel()
            await until(lambda: not children(pid_of(server)))
            assert (await told(server, "remember x"))[0] == "x"

    asyncio.run(whole())


def test_a_server_that_was_killed_takes_its_children_along_and_the_next_file_gets_a_new_one() -> None:
    async def whole() -> None:
        async with hostile() as server:
            asked = asyncio.create_task(server.ask(b"sleep"))
            await until(lambda: server.pid and children(server.pid))
            orphan = os.pidfd_open(children(pid_of(server))[0])
            os.kill(pid_of(server), signal.SIGKILL)
            assert await asked == (b"", None)
            assert select.select([orphan], [], [], 30)[0]
            os.close(orphan)
            assert (await told(server, "remember x"))[0] == "x"

    asyncio.run(whole())


def test_a_server_ends_with_the_process_that_started_it() -> None:
    program = (
        "import asyncio, sys\n"
        "from pushwarden.wiring.limited.asking import ForkServer\n"
        "async def main():\n"
        "    server = ForkServer((sys.executable, sys.argv[1]))\n"
        "    await server.ask(b'user')\n"
        "    print(server.pid, flush=True)\n"
        "    await server.ask(b'sleep')\n"
        "asyncio.run(main())\n"
    )
    with subprocess.Popen([sys.executable, "-c", program, HOSTILE[1]], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        pid = int(process.stdout.readline())
        ended = os.pidfd_open(pid)
        process.kill()
    assert select.select([ended], [], [], 30)[0]
    os.close(ended)
