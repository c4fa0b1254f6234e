"""How an exercise is judged: its answer, its typical mistakes, and the sentence that a solution gets."""

import contextlib
import io
import re
import reprlib
import sysconfig
import traceback
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from operator import itemgetter
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from digitscope.errors import first_line

SEED = 686
"""Seed of the generator of inputs: two checks of a solution give the same verdict."""

NOT_THEIRS = (
    str(Path(__file__).parents[2]),
    *(sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")),
)
"""Folders of digitscope, Python and installed packages: the lines of an exercise are in none of them."""

RIGHT = "Right."

VECTORIZE = "a function of one number gets a whole array, so use np.vectorize to apply it to each number"

HINTS = MappingProxyType(
    {
        "mismatch in its core dimension|not aligned": (
            "two matrices do not fit for a product, so look at their order and at what is transposed"
        ),
        "broadcast": "the shapes of two arrays do not fit, so print them",
        "truth value of an array|Boolean value of Tensor": VECTORIZE,
        "arrays can be converted to Python scalars": (
            "an array stands where one number should, so print its shape; take the one element out of a 1x1 array"
        ),
        "Dimension out of range": "a tensor has fewer axes than this line needs, so print its shape",
    }
)
"""Patterns in NumPy's and PyTorch's exceptions that many students meet, and where to look."""


@dataclass(frozen=True, repr=False)
class Verdict:
    """What `check` found. A notebook shows its message.

    Attributes:
        ok: whether the solution is right.
        exercise: its name.
        message: "Right.", or what is wrong and where to look.
    """

    ok: bool
    exercise: str
    message: str

    def __repr__(self) -> str:
        return self.message


class Failure(NamedTuple):
    """The sentence on an exception of a solution, and its type, text and place, if it was one of Python."""

    sentence: str
    raised: str = ""


Case = Any
"""The input of one call: an argument, several, or the state of a network."""


class UnusableOutputError(Exception):
    """A solution returned something that the exercise cannot use; the message is the sentence."""


def wrong_values(output: Any, answer: Any) -> str:
    """Return how numbers differ from the answer, after the call in words."""
    if np.shape(output) != np.shape(answer):
        return f"returns shape {np.shape(output)}: expected {np.shape(answer) or 'one number'}."
    if np.isnan(np.asarray(output, dtype=np.float64)).any():
        return "returns NaN, which is not a number: look for 0 / 0 and for the logarithm of 0."
    return f"gives {in_words(output)}, which is wrong: work this input out by hand and compare."


@dataclass(frozen=True)
class Exercise:
    """An exercise: how a solution is called, what is right, and what goes wrong.

    Attributes:
        call: the call in words, for sentences: "relu(x)".
        variants: lists of cases. A solution is right if it is right on all cases of one list. Cases come in the
            order in which a person would try them.
        run: calls a solution on a case, and returns what `same` can compare. It raises
            `UnusableOutputError` for an output of the wrong type.
        answer: the right output for a case.
        shown: the case in words.
        mistakes: what a solution with each mistake returns for a case. The keys are sentences that say what is
            wrong and where to look, without the answer. The first that explains the outputs is taken.
        signs: further sentences, with checks of all cases and outputs: for what no output of one case shows.
        differs: says, after the call in words, how an output differs from the answer.
        caveat: returns a remark on a right solution, or nothing.
    """

    call: str
    variants: Callable[[np.random.Generator], Sequence[Sequence[Case]]]
    run: Callable[[Any, Case], Any]
    answer: Callable[[Case], Any]
    shown: Callable[[Case], str]
    mistakes: Callable[[Case], Mapping[str, Any]]
    signs: Mapping[str, Callable[[Sequence[Case], Sequence[Any]], bool]] = field(default_factory=dict)
    differs: Callable[[Any, Any], str] = wrong_values
    caveat: Callable[[Any], str] = lambda _: ""

    def judge(self, solution: Any) -> str:
        """Return the sentence on `solution`; it begins with `RIGHT` if it is right."""
        with silenced():
            variants = self.variants(np.random.default_rng(SEED))
            _, sentence = min((self._judge_cases(solution, cases) for cases in variants), key=itemgetter(0))
            return f"{RIGHT} {self.caveat(solution)}".rstrip() if sentence == RIGHT else sentence

    def _judge_cases(self, solution: Any, cases: Sequence[Case]) -> tuple[int, str]:
        """Return a sentence and its rank: 0 right, 1 a known mistake, 2 wrong values, 3 an exception."""
        calls = [f"{self.call}{self.shown(case)}" for case in cases]
        outputs = [
            attempt(self.run, solution, deepcopy(case), called=call)
            for case, call in zip(cases, calls, strict=True)
        ]
        answers = [self.answer(case) for case in cases]
        wrong = [i for i, answer in enumerate(answers) if not same(outputs[i], answer)]
        if not wrong:
            return 0, RIGHT
        given = [self.mistakes(case) for case in cases]
        for sentence in given[0]:
            if all(same(output, each[sentence]) for output, each in zip(outputs, given, strict=True)):
                return 1, sentence
        for sentence, shows in self.signs.items():
            if shows(cases, outputs):
                return 1, sentence
        first = wrong[0]
        if isinstance(outputs[first], Failure):
            return 3, outputs[first].sentence
        if outputs[first] is None:
            ending = "did you forget return?" if len(wrong) == len(cases) else "one branch lacks its return."
            return 2, f"{calls[first]} returns None: {ending}"
        return 2, f"{calls[first]} {self.differs(outputs[first], answers[first])}"


def attempt(run: Callable[..., Any], *arguments: Any, called: str) -> Any:
    """Return what `run` returns, or a `Failure` that says in a sentence what it raised."""
    try:
        return run(*arguments)
    except UnusableOutputError as error:
        return Failure(f"{called} {error}")
    except SystemExit as error:
        return Failure(f"{called} called sys.exit{place(error)}: an exercise must return instead.")
    except Exception as error:  # noqa: BLE001 - it is code of a student
        hint = _hint(error)
        problem = f"fails{place(error)}: {hint}" if hint else f"raised {raised(error)}"
        return Failure(f"{called} {problem}.", raised(error))


def _hint(error: Exception) -> str:
    """Return where to look for the cause of an exception that many students meet, or nothing."""
    hint = next((hint for pattern, hint in HINTS.items() if re.search(pattern, str(error))), "")
    if "Python scalars" not in str(error):
        return hint
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__) if _is_theirs(frame.f_code.co_filename)]
    names = frames[-1].f_code.co_varnames[: frames[-1].f_code.co_argcount] if frames else ()
    return VECTORIZE if any(np.size(frames[-1].f_locals.get(name, 0)) > 1 for name in names) else hint


def raised(error: Exception) -> str:
    """Return the error's type, first line and place."""
    text, name = first_line(error), type(error).__name__
    return (name if text == name else f"{name}: {text.rstrip('.')}") + place(error)


def place(error: BaseException) -> str:
    """Return the last line of the student's own code that led to the error, as " at line 3: x = 1 / 0"."""
    if isinstance(error, SyntaxError):
        return f" at line {error.lineno}" if error.lineno else ""
    theirs = [frame for frame in traceback.extract_tb(error.__traceback__) if _is_theirs(frame.filename)]
    code = f" ({theirs[-1].line})" if theirs and theirs[-1].line else ""
    return f" at line {theirs[-1].lineno}{code}" if theirs else ""


def _is_theirs(filename: str) -> bool:
    return not filename.startswith((*NOT_THEIRS, "<frozen"))


def same(output: Any, expected: Any) -> bool:
    """Return whether two outputs are equal: numbers and arrays to rounding, sequences part by part."""
    if isinstance(expected, tuple | list):
        if type(output) is not type(expected) or len(output) != len(expected):
            return False
        return all(same(one, other) for one, other in zip(output, expected, strict=True))
    if expected is None or output is None or isinstance(output, tuple | list):
        return expected is None and output is None
    ours, theirs = np.asarray(expected), np.asarray(output)
    return ours.shape == theirs.shape and bool(np.allclose(theirs, ours, rtol=1e-5, atol=1e-7))


def number(output: Any) -> Any:
    """Return a solution's output as a float64 array, () if it is one number; None stays None.

    Raises:
        UnusableOutputError: it is made of anything but numbers.
    """
    if output is None:
        return None
    if isinstance(output, str | bytes | list | tuple):
        raise UnusableOutputError(f"returns {a_type(output)}: expected a number.")
    try:
        array = np.asarray(output.detach() if hasattr(output, "detach") else output).astype(np.float64)
    except (TypeError, ValueError):
        raise UnusableOutputError(f"returns {a_type(output)}: expected a number.") from None
    return array.reshape(()) if array.size == 1 else array


def a_type(value: Any) -> str:
    """Return the type of a value with its article."""
    name = "NumPy array" if isinstance(value, np.ndarray) else type(value).__name__
    return f"{'an' if name[0].lower() in 'aeiou' else 'a'} {name}"


def in_words(output: Any) -> str:
    """Return an output, short enough for a sentence."""
    if isinstance(output, np.ndarray) and output.size == 1:
        return f"{output.item():.4g}"
    if isinstance(output, np.ndarray):
        return " ".join(np.array2string(output, precision=3, threshold=12, edgeitems=2).split())
    return reprlib.repr(output)


@contextlib.contextmanager
def silenced() -> Iterator[None]:
    """Keep what a solution prints, and warnings, from the reader, who is to see one sentence."""
    nowhere = io.StringIO()
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        with contextlib.redirect_stdout(nowhere), contextlib.redirect_stderr(nowhere):
            yield
