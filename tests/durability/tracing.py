"""What a server asks of the kernel, by strace: which bytes went to which file or socket, and what was flushed when."""

import re
import shutil
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from handrail_cli.supervise.client import Command

_CALLS = (
    "open,openat,close,write,writev,pwrite64,pwritev,pwritev2,sendto,sendmsg,fsync,fdatasync,msync,sync_file_range,mmap"
)
_WRITES = {"write", "writev", "pwrite64", "pwritev", "pwritev2", "sendto", "sendmsg"}
_FLUSHES = {"fsync", "fdatasync"}
_LINE = re.compile(r"^(?P<pid>\d+) +(?P<text>.*)$")
_RESUMED = re.compile(r"^<\.\.\. (?P<name>\w+) resumed>(?P<rest>.*)$")
_CALL = re.compile(r"^(?P<name>\w+)\((?P<rest>.*)$")
_TARGET = re.compile(r"^(?:AT_FDCWD<[^>]*>, )?(?P<fd>\d+)<(?P<path>.*?)>(?:[,)]|$)")
_OPENED = re.compile(r"= \d+<(?P<path>.*)>$")


def available() -> str | None:
    """Path of strace."""
    return shutil.which("strace")


def traced(command: Command, output: Path) -> Command:
    """The same command under strace, with all its threads and children."""
    program = available()
    assert program is not None
    # -I 2: ends when told to, and what it runs with it.
    options = ["-I", "2", "-f", "-yy", "-s", "1000000", "-e", f"trace={_CALLS}", "-e", "signal=none", "-o", str(output)]
    return replace(command, argv=[program, *options, "--", *command.argv])


@dataclass(frozen=True)
class Call:
    """One system call: where in the trace it began and ended, and what it was about."""

    began: int
    ended: int
    name: str
    target: str
    text: str
    """Arguments and result, as strace writes them."""

    @property
    def worked(self) -> bool:
        return "= -1 " not in self.text[-200:]


def read(lines: Iterable[str]) -> list[Call]:
    """The calls that were finished, by their beginning."""
    begun: dict[str, tuple[int, str]] = {}
    calls = []
    for number, line in enumerate(lines):
        match = _LINE.match(line.rstrip("\n"))
        if match is None:
            continue
        pid, text = match["pid"], match["text"]
        began = number
        if text.endswith("<unfinished ...>"):
            begun[pid] = number, text.removesuffix("<unfinished ...>").rstrip()
            continue
        if (resumed := _RESUMED.match(text)) is not None:
            if pid not in begun:
                continue
            began, start = begun.pop(pid)
            text = start + resumed["rest"].lstrip()
        if (call := _CALL.match(text)) is not None:
            target = _TARGET.match(call["rest"]) or _OPENED.search(call["rest"])
            calls.append(Call(began, number, call["name"], target["path"] if target else "", call["rest"]))
    return sorted(calls, key=lambda one: one.began)


@dataclass(frozen=True)
class Kept:
    """One promise: `content` stands in a file whose path matches `file` before `answer` goes to a socket."""

    content: str
    file: str
    answer: str


def unkept(calls: list[Call], promise: Kept) -> str | None:
    """Why a promise was broken, None where it was kept. Raises LookupError where no answer was given at all."""
    answers = [
        one for one in calls if one.name in _WRITES and one.target.startswith("TCP") and promise.answer in one.text
    ]
    if not answers:
        raise LookupError(f"no answer {promise.answer!r} in the trace")
    answer = answers[0]
    stores = [
        one
        for one in calls
        if one.name in _WRITES
        and re.search(promise.file, one.target)
        and promise.content in one.text
        and one.ended < answer.began
    ]
    if not stores:
        return f"{promise.content} was not written to a file before the answer"
    if any(_synchronous(calls, store) or _flushed(calls, store, answer) for store in stores):
        return None
    return f"{promise.content} was written to {stores[-1].target} and not flushed before the answer"


def _flushed(calls: list[Call], store: Call, answer: Call) -> bool:
    return any(
        one.name in _FLUSHES and one.target == store.target and one.worked
        and store.ended < one.began and one.ended < answer.began
        for one in calls
    )  # fmt: skip


def _synchronous(calls: list[Call], store: Call) -> bool:
    """Whether the file was opened so that each write waits for the disk."""
    opened = [one for one in calls if one.name in ("open", "openat") and one.target == store.target]
    before = [one for one in opened if one.ended < store.began]
    return bool(before) and any(flag in before[-1].text for flag in ("O_SYNC", "O_DSYNC"))
