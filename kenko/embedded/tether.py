"""Become another program that dies with its parent: `python -I -S tether.py PARENT_PID PROGRAM [ARGUMENT…]`.

A script of its own rather than a `preexec_fn`, which is not safe in a process with threads. On Linux the kernel sends
SIGTERM when the parent ends, however it ends; elsewhere only an orderly end of the parent stops the program.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main() -> None:
    parent, program = int(sys.argv[1]), sys.argv[2:]
    # A parent that takes its signals by sigwait has them blocked, and a blocked SIGTERM would be inherited.
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(signal.SIGTERM))
        if os.getppid() != parent:  # it ended before we asked
            sys.exit(1)
    os.execv(program[0], program)  # noqa: S606  our own command line, no shell


if __name__ == "__main__":
    main()
