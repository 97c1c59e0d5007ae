"""Runs one service and leaves nothing of it behind; started by `child.py`, once a start.

Arguments: a file descriptor for reports, then the command. The command leads a process group of
its own. Reports are lines: `pid N`, then `code N` when it has ended and its group was killed.
Orders come on standard input: `stop` (asks the command to end), `kill` (ends its group). The
end of standard input means that the supervisor is dead: no other process holds the other end.

Only the standard library: it is started without site-packages, in some 15 ms.
"""

import os
import signal
import subprocess
import sys
import threading

ORPHAN_WAIT_S = 7.0
"""After the supervisor's death a service has so long to end, s."""


def end_group(group: int, signum: signal.Signals) -> None:
    try:
        os.killpg(group, signum)
    except (ProcessLookupError, PermissionError):
        # Gone already; macOS says "not permitted" of a group of zombies.
        return


def obey(child: "subprocess.Popen[bytes]") -> None:
    for order in sys.stdin:
        if order == "stop\n" and child.poll() is None:
            # Only the service: it ends its workers itself; what it leaves is killed afterwards.
            child.terminate()
        elif order == "kill\n":
            end_group(child.pid, signal.SIGKILL)
    end_group(child.pid, signal.SIGTERM)
    try:
        child.wait(ORPHAN_WAIT_S)
    except subprocess.TimeoutExpired:
        end_group(child.pid, signal.SIGKILL)


def report(to: int, text: str) -> None:
    try:
        os.write(to, text.encode())
    except BrokenPipeError:
        return


def main() -> int:
    reports, command = int(sys.argv[1]), sys.argv[2:]
    os.set_inheritable(reports, False)
    # subprocess resets none of these in the child, so they are set after it was started.
    try:
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)
    except OSError as error:
        print(f"{command[0]}: {error.strerror}", flush=True)
        report(reports, "code 127\n")
        return 0
    for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(signum, signal.SIG_IGN)
    report(reports, f"pid {child.pid}\n")
    threading.Thread(target=obey, args=(child,), daemon=True).start()
    code = child.wait()
    # A worker left behind would also hold the output open that the supervisor reads to its end.
    end_group(child.pid, signal.SIGKILL)
    report(reports, f"code {code}\n")
    return 0


if __name__ == "__main__":
    # Leaving the usual way would wait for the thread that reads standard input.
    code = main()
    sys.stdout.flush()
    os._exit(code)
