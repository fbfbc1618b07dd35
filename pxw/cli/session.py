"""One run as its user sees it: progress, the closing table, the end."""

from __future__ import annotations

import time
from threading import Lock
from typing import TYPE_CHECKING, Any

from rich.text import Text

from pxw.cli import DONE, INTERRUPTED
from pxw.cli.asking import ask
from pxw.cli.console import err, out, seconds, shown_path
from pxw.cli.faults import exit_code, show
from pxw.cli.interrupts import interruptible
from pxw.cli.journal import Follower, Progress
from pxw.cli.outputs import outputs_of, table_of
from pxw.cli.progress import BEFORE, showing
from pxw.cli.runs_table import runs_in, table_of_runs
from pxw.cli.starting import started
from pxw.runs import folder_of, journal
from pxw.runs.finding import short

if TYPE_CHECKING:
    from collections.abc import Callable

    from pxw.cli.progress import Shown
    from pxw.cli.resuming import Asked
    from pxw.compat.asking import Question
    from pxw.settings import Settings

__all__ = ["Session"]


class Session:
    """One run, from its start to its exit code.

    Args:
        flow: the flow's name.
        asked: what was asked for.
        settings: where runs are kept.
        traceback: show errors with the whole traceback.
    """

    def __init__(self, flow: str, asked: Asked, settings: Settings, *, traceback: bool) -> None:
        self.settings = settings
        self._asked = asked
        self.console = err()
        self.page = ""  # where a browser shows runs
        self._flow = flow
        self._traceback = traceback
        self._progress = Progress()
        self._shown: Shown | None = None
        self._run_id = ""
        self._asking = Lock()
        self._began = time.monotonic()

    def run(self, execute: Callable[[], Any]) -> int:
        """Run, and give the exit code."""
        try:
            with interruptible(self._say_interrupting, self._say_interrupted):
                returned = execute()
        except KeyboardInterrupt as told:
            return 128 + told.args[0] if told.args else INTERRUPTED
        except Exception as error:
            show(error, console=self.console, full=self._traceback)
            self._say_ended("failed", "red")
            if self._run_id and self._finished():
                self.console.print(Text(f"   = {self._how_to_resume()}", style="dim"))
            return exit_code(error)
        self._show_outputs(returned)
        self._say_ended("done", "green")
        self._warn_of_failures()
        return DONE

    def follow(self, execute: Callable[[Callable[[str], None]], Any]) -> Any:
        """Show the progress of what is executed; it tells the run's id as soon as there is one."""
        started()
        self._began = time.monotonic()
        with showing(self.console, self._progress) as shown:
            self._shown = shown
            follower = Follower(self.settings.runs, shown.take)

            def on_start(run_id: str) -> None:
                self._run_id = run_id
                self._asked.remember(folder_of(run_id, self.settings))
                follower.watch(run_id, since=journal.size(folder_of(run_id, self.settings)))

            with follower:
                return execute(on_start)

    def ask(self, question: Question) -> dict[str, Any]:
        """Ask whoever sits at the terminal; one question at a time, and nothing else moves there meanwhile."""
        with self._asking:
            if self._shown is not None:
                self._shown.stop()
            try:
                return ask(self.console, question)
            finally:
                if self._shown is not None:
                    self._shown.start()

    def _show_outputs(self, returned: Any) -> None:
        runs = runs_in(returned)
        rest = None if runs else returned
        outputs = outputs_of(self._progress.saved, rest, self.settings.kept_below, with_values=not runs)
        tables = [*([table_of_runs(runs)] if runs else []), *([table_of(outputs)] if outputs else [])]
        if tables and self.console.is_terminal:
            self.console.print()
        for number, table in enumerate(tables):
            out().print(*[""] * bool(number), table, sep="\n")

    def _say_ended(self, how: str, style: str) -> None:
        ran = sum(len(task.states) for task in self._progress.tasks.values())
        counts = {kind: sum(task.before[kind] for task in self._progress.tasks.values()) for kind in BEFORE}
        words = f" in {seconds(time.monotonic() - self._began)}, {ran} task{'' if ran == 1 else 's'}"
        words += "".join(f", {counts[kind]} {said}" for kind, said in BEFORE.items() if counts[kind])
        line = Text.assemble((f"{self._flow} {how}", f"bold {style}"), words)
        if self._run_id:
            where = f"\n{self.page}/runs/flow-run/{self._run_id}" if self.page else f", run {self._run_id}"
            line.append(where, style="dim")
        self.console.print(line, soft_wrap=True)  # an address in one piece can be clicked

    def _warn_of_failures(self) -> None:
        failed = [task.name for task in self._progress.tasks.values() if task.count("failed")]
        if failed:
            words = f": the flow went on although a task failed: {', '.join(failed)}"
            self.console.print(Text.assemble(("warning", "bold yellow"), words))

    def _say_interrupting(self) -> None:
        self.console.print(Text("interrupting; Ctrl-C again ends at once", style="yellow"))

    def _say_interrupted(self) -> None:
        if self._shown is not None:
            self._shown.stop()
        ran = sum(len(task.states) for task in self._progress.tasks.values())
        said = f" after {self._finished()} of {ran} started tasks"
        lines = Text.assemble((f"{self._flow} interrupted", "bold yellow"), said)
        lines.append("\n   = nothing is half-written: a dataset is there as a whole, or not at all")
        if self._run_id:
            folder = shown_path(folder_of(self._run_id, self.settings))
            lines.append(f"\n   = {self._how_to_resume()}")
            lines.append(f"\n   = intermediates stay in {folder} until `pxw cache gc` removes them")
        outputs = outputs_of(self._progress.saved, None, self.settings.kept_below, with_values=False)
        written = [output.place for output in outputs]
        if written:
            lines.append(f"\n   = written already: {', '.join(written)}")
        self.console.print(lines, soft_wrap=True)

    def _finished(self) -> int:
        return sum(task.count("done") for task in self._progress.tasks.values())

    def _how_to_resume(self) -> str:
        return f"to go on from the tasks that finished: pxw run --resume {short(self._run_id)}"
