"""The `labctl` command: what it is called with, and how it ends."""

import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from labctl._version import __version__
from labctl.cli import (
    catalog_commands,
    file_commands,
    plan_command,
    protocol_command,
    reproduce_command,
    run_command,
    serve_command,
)
from labctl.cli.console import print_line, report_error
from labctl.errors import BadInputError, LabError
from labctl.log_file import close_log, open_log

FINISHED, FAILED, BAD_INPUT = 0, 1, 2

logger = logging.getLogger(__name__)

app = typer.Typer(
    name="labctl",
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    invoke_without_command=True,
)
app.command("list")(catalog_commands.list_all)
app.command("check")(catalog_commands.check)
app.command("plan")(plan_command.plan)
app.command("run")(run_command.run)
app.command("resume")(run_command.resume)
app.command("protocol")(protocol_command.protocol)
app.command("reproduce")(reproduce_command.reproduce)
app.command("serve")(serve_command.serve)
app.command("show")(file_commands.show)
app.command("fit")(file_commands.fit)
app.command("import")(file_commands.import_file)
app.command("plot")(file_commands.plot)
app.command("recover")(file_commands.recover)


@app.callback()
def _top(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    """Control the instruments of a levitated-diamond lab, real or simulated.

    Exit codes: 0 finished, 1 a run failed or was aborted, 2 bad input.
    """
    if version:
        print_line(f"labctl {__version__}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        print_line(context.get_help())


def main() -> None:
    """Run the command line of this process and exit with its code."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="replace")  # a Windows pipe may not know the ± sign
    # Sequences and drivers may live in the folder one works in; appended, it shadows nothing.
    sys.path.append(str(Path.cwd()))
    code = execute(sys.argv[1:])
    try:
        sys.stdout.flush()
    except BrokenPipeError:  # `labctl list | head`: nobody reads on, which is no error
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(code)


def execute(arguments: Sequence[str]) -> int:
    """Carry out one command; every failure is one line on stderr.

    Returns:
        The exit code: 0 finished, 1 failed or aborted, 2 bad input.
    """
    log = open_log()
    try:
        outcome = app(list(arguments), prog_name="labctl", standalone_mode=False)
    except LabError as error:
        logger.info("Ended by %s", type(error).__name__, exc_info=error)
        report_error(str(error))
        return BAD_INPUT if isinstance(error, BadInputError) else FAILED
    except (KeyboardInterrupt, typer.Abort):
        report_error("Interrupted; no measurement was under way.")
        return FAILED
    except BrokenPipeError:
        return FAILED
    except Exception as error:
        # typer hides where its usage errors come from; what marks them is this method.
        message = getattr(error, "format_message", None)
        if message is not None:
            report_error(message())
            return BAD_INPUT
        logger.exception("labctl %s ended unexpectedly", " ".join(arguments))
        where = f"the traceback is in {log}" if log else "and no log file could be written"
        report_error(f"Unexpected {type(error).__name__}: {error}; {where}")
        return FAILED
    finally:
        close_log()
    if outcome == _KILLED_BY_CTRL_C:
        report_error("Interrupted; no measurement was under way.")
        return FAILED
    return outcome if isinstance(outcome, int) else FINISHED


_KILLED_BY_CTRL_C = 130
"""What newer releases of typer return where older ones raise Abort."""
