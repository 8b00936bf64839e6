"""Asking many instruments at once, so that several silent ones cost one time-out and not a sum."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor


def ask_side_by_side(
    questions: Iterable[tuple[str, Callable[[], object]]],
) -> dict[str, Exception | None]:
    """Call every function in a thread of its own; how each ended by name, in the order given.

    Returns when the last one has ended, also after Ctrl-C, so that nothing goes on behind.
    """
    asked = list(questions)
    with ThreadPoolExecutor(max(len(asked), 1), "ask") as pool:
        answers = {name: pool.submit(_outcome, question) for name, question in asked}
        return {name: answer.result() for name, answer in answers.items()}


def _outcome(question: Callable[[], object]) -> Exception | None:
    try:
        question()
    except Exception as error:  # noqa: BLE001  a driver may raise anything; all are gathered
        return error
    return None
