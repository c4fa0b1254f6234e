"""A paragraph and a table for each study, generated from its numbers."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from digitscope.experiments.studies.study import Result
from digitscope.experiments.sweep.ranking import PointScore, Spread, spread_columns
from digitscope.experiments.sweep.space import value_in_words
from digitscope.settings import TrainingSettings

NOTABLE_RISE = 0.1
"""Relative rise of the validation loss above its minimum from which a training counts as overfitted."""

RISE = "more than a tenth above its lowest"
ALMOST_ALL = 0.9995
"""Training accuracy that is 100.0 % to a tenth of a percent."""


def best_of(scores: Sequence[PointScore]) -> PointScore:
    """Return the score with the highest mean validation accuracy after the last epoch; all have finished."""
    return max(scores, key=lambda score: validation(score).mean)


def within_noise(first: Spread, second: Spread) -> bool:
    """Return whether two means differ by at most the deviation of a difference; False if it is unknown."""
    if first.deviation is None or second.deviation is None:
        return False
    return abs(first.mean - second.mean) <= math.hypot(first.deviation, second.deviation)


def like_best(scores: Sequence[PointScore]) -> list[PointScore]:
    """Return the `scores` that differ from the best one by no more than luck, without the best."""
    best = best_of(scores)
    return [each for each in scores if each is not best and within_noise(validation(each), validation(best))]


def validation(score: PointScore) -> Spread:
    """Return the validation accuracy after the last epoch."""
    return score.after("validation_accuracy")


@dataclass(frozen=True)
class Rise:
    """How the validation loss went: lowest after epoch `epoch`, in nats, mean over seeds; and how it ended."""

    epoch: int
    lowest: float
    last: float
    deviation: float

    @property
    def is_notable(self) -> bool:
        """Whether it ended above its lowest by more than a tenth, and by more than the seeds' deviation."""
        return self.last - self.lowest > max(NOTABLE_RISE * self.lowest, self.deviation)


def rise_of_loss(score: PointScore) -> Rise:
    """Return how far the validation loss ended above its lowest; the deviation is that of the rise over seeds."""
    losses = score.over_epochs("validation_loss")
    means = losses.mean(axis=0)
    at = int(means.argmin())
    rises = Spread.of((losses[:, -1] - losses[:, at]).tolist())
    return Rise(at + 1, float(means[at]), float(means[-1]), rises.deviation or 0.0)


def enumerate_words(words: Sequence[str]) -> str:
    """Return "a", "a and b" or "a, b and c"."""
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def common_settings(result: Result) -> TrainingSettings:
    """Return the settings of the first variant; all share its number of digits and of epochs."""
    return result.study.variants[0].recipe.settings


def capacity(result: Result) -> list[str]:
    """Return the effect of more hidden neurons on accuracy, overfitting and cost."""
    scores = result.finished()
    best, smallest, largest = best_of(scores), scores[0], scores[-1]
    same = [_units(score) for score in like_best(scores)]
    told = f"; {enumerate_words(same)} neurons are alike" if same else ""
    low, high = (score.after("train_accuracy").in_percent() for score in (smallest, largest))
    widest = max(scores, key=_lead)
    learned = [score for score in scores if score.after("train_accuracy").mean >= ALMOST_ALL]
    n_parameters = {variant.point["hidden"]: variant.n_parameters for variant in result.study.variants}
    fewest, most = (n_parameters[score.point["hidden"]] for score in (smallest, largest))
    return [
        (
            f"{_setting(result)}, {_units(best)} hidden neurons are best on validation, with "
            f"{validation(best).in_percent()}{told}."
        ),
        f"From {_units(smallest)} to {_units(largest)} neurons, training accuracy goes from {low} to {high}.",
        (
            f"Its lead over validation goes from {_lead(smallest):.1f} to {_lead(largest):.1f} points, with a "
            f"maximum of {_lead(widest):.1f} at {_units(widest)}."
        ),
        f"The fewest neurons with at least {100 * ALMOST_ALL:.2f} % training accuracy are {_units(learned[0])}."
        if learned
        else "",
        *_where_it_overfits(scores),
        (
            f"The parameters grow from {fewest:,} with {_units(smallest)} to {most:,} with {_units(largest)}; an "
            f"epoch then takes {_times(largest, smallest)} times as long."
        ),
    ]


def _units(score: PointScore) -> str:
    return f"{score.point['hidden']:,}"


def _lead(score: PointScore) -> float:
    """Return the lead of training over validation accuracy, in points."""
    return 100 * (score.after("train_accuracy").mean - validation(score).mean)


def _where_it_overfits(scores: Sequence[PointScore]) -> list[str]:
    overfitted = [score for score in scores if rise_of_loss(score).is_notable]
    if not overfitted:
        return [f"No network overfits: no validation loss ends {RISE}."]
    names = [_units(score) for score in overfitted]
    to_the_end = list(scores[-len(overfitted) :]) == overfitted
    where = f"from {names[0]} neurons on" if to_the_end else f"with {enumerate_words(names)} neurons"
    rise, best, widest = rise_of_loss(overfitted[-1]), best_of(scores), scores[-1]
    accuracy = "More neurons do not lower the validation accuracy."
    if widest is not best and not within_noise(validation(widest), validation(best)):
        accuracy = f"The widest network is {_points(best, widest):.2f} points below the best."
    return [
        f"The network overfits {where}: the validation loss ends {RISE}.",
        (
            f"With {names[-1]} neurons it is lowest after epoch {rise.epoch} ({rise.lowest:.3f} nats) and ends at "
            f"{rise.last:.3f}."
        ),
        accuracy,
    ]


def epochs(result: Result) -> list[str]:
    """Return the course of each way of training, and the effect of dropout and warps."""
    scores = result.finished()
    best, plain = best_of(scores), result.finished(training="plain")
    same = [score.point["training"] for score in like_best(scores)]
    told = f"; {enumerate_words(same)} alike" if same else ""
    sentences = [
        (
            f'{_setting(result)}, "{best.point["training"]}" is best on validation, with '
            f"{validation(best).in_percent()}{told}."
        )
    ]
    for score in scores:
        rise = rise_of_loss(score)
        end = f"ends at {rise.last:.3f}, {RISE}" if rise.is_notable else "then rises by at most a tenth"
        loss = f"after epoch {rise.epoch} ({rise.lowest:.3f} nats) and {end}"
        if rise.epoch == score.n_epochs:
            loss = f"at the end ({rise.last:.3f} nats), so more epochs may help"
        sentences.append(
            f'With "{score.point["training"]}", training accuracy is {score.after("train_accuracy").in_percent()} '
            f"and validation accuracy {validation(score).in_percent()}. The validation loss is lowest {loss}."
        )
        if plain and score is not plain[0]:
            chance = (
                ", within the seeds' deviation" if within_noise(validation(score), validation(plain[0])) else ""
            )
            sentences.append(f"The difference from plain is {_points(score, plain[0]):+.2f} points{chance}.")
    return sentences


def data(result: Result) -> list[str]:
    """Return the effect of more digits on each network, and the best network for each number of digits."""
    settings = common_settings(result)
    n_met = settings.epochs * settings.epoch_size
    sentences = [
        f"Every training takes {n_met:,} digits in batches of {settings.batch_size}; small sets are repeated."
    ]
    ends: list[PointScore] = []
    for name in dict.fromkeys(score.point["network"] for score in result.finished()):
        scores = result.finished(network=name)
        few, many = scores[0], scores[-1]
        last = [f"{score.point['digits']:,}" for score in scores[-2:]]
        same = len(last) == 2 and within_noise(*map(validation, scores[-2:]))
        sentences.append(
            f'With "{name}", validation accuracy is {validation(few).in_percent()} with {few.point["digits"]:,} '
            f"training digits and {validation(many).in_percent()} with {many.point['digits']:,}"
            f"{f'; {enumerate_words(last)} are alike' if same else ''}."
        )
        ends.append(many)
    leaders: dict[str, list[str]] = {}
    for size in sorted({score.point["digits"] for score in result.finished()}):
        scores = result.finished(digits=size)
        others = [f'"{score.point["network"]}"' for score in like_best(scores)]
        told = f", with {enumerate_words(others)} alike" if others else ""
        leaders.setdefault(f'"{best_of(scores).point["network"]}" is best{told}', []).append(f"{size:,}")
    sentences += [f"With {enumerate_words(sizes)} digits {leader}." for leader, sizes in leaders.items()]
    first, worst = best_of(ends), min(ends, key=lambda score: validation(score).mean)
    name, goal = first.point["network"], validation(worst).mean
    enough = [score.point["digits"] for score in result.finished(network=name) if validation(score).mean >= goal]
    if first is not worst and enough:
        other = f'"{worst.point["network"]}" with {worst.point["digits"]:,}'
        sentences.append(f'With {enough[0]:,} digits or fewer, "{name}" equals {other}.')
    return sentences


def optimizers(result: Result) -> list[str]:
    """Rank the optimizers, each at its best learning rate, and name those within luck."""
    names = dict.fromkeys(score.point["optimizer"] for score in result.finished())
    chosen = [best_of(result.finished(optimizer=name)) for name in names]
    chosen.sort(key=lambda score: -validation(score).mean)
    best = chosen[0].point["optimizer"]
    told, at_an_end = [], []
    for score in chosen:
        name, rate = score.point["optimizer"], score.point["learning_rate"]
        told.append(f"{name} {validation(score).in_percent()} at {value_in_words(rate)}")
        points = [variant.point for variant in result.study.variants]
        tried = [point["learning_rate"] for point in points if point["optimizer"] == name]
        at_an_end += [name] if rate in (min(tried), max(tried)) else []
    same = [score.point["optimizer"] for score in like_best(chosen)]
    ahead = "" if result.study.n_seeds == 1 else f"{best} is ahead by more than luck."
    slow, fast = (pick(chosen, key=lambda score: score.seconds_an_epoch or 0.0) for pick in (max, min))
    return [
        f"{_setting(result)}, validation accuracies and best learning rates are as follows.",
        f"{'; '.join(told)}.",
        f"{best} is first, with {enumerate_words(same)} alike." if same else ahead,
        f"For {enumerate_words(at_an_end)}, the best rate is the lowest or highest that was tried, so a better "
        "one may lie beyond."
        if at_an_end
        else "",
        (
            f"An epoch takes longest with {slow.point['optimizer']}, {_times(slow, fast)} times as long as with "
            f"{fast.point['optimizer']}."
        ),
        *(f"Diverged: {score.label}." for score in result.scores if score.outcome == "diverged"),
    ]


def _setting(result: Result) -> str:
    settings = common_settings(result)
    return f"On {settings.train_size:,} training digits, after {settings.epochs} epochs"


def _points(first: PointScore, second: PointScore) -> float:
    return 100 * (validation(first).mean - validation(second).mean)


def _times(long: PointScore, short: PointScore) -> str:
    seconds = long.seconds_an_epoch, short.seconds_an_epoch
    return f"{seconds[0] / seconds[1]:.1f}" if seconds[0] and seconds[1] else "?"


SENTENCES: Mapping[str, Callable[[Result], list[str]]] = MappingProxyType(
    {"capacity": capacity, "epochs": epochs, "data": data, "optimizers": optimizers}
)


def findings(result: Result) -> str:
    """Return the paragraph of a study of which at least one variant has finished."""
    chance = (
        f"Each accuracy is the mean of {result.study.n_seeds} seeds with its standard deviation. Two are alike if "
        "they differ by at most the root of the sum of both squared deviations."
    )
    if result.study.n_seeds == 1:
        chance = "With one seed a point, the effect of luck is unknown, so each difference is only a hint."
    return " ".join(filter(None, [*SENTENCES[result.study.name](result), chance]))


# The table behind a study: a row per variant, for programs and for people

NONE = "\N{EN DASH}"


def as_rows(result: Result) -> list[dict[str, Any]]:
    """Return one row for each variant; missing values are None.

    Training accuracies and losses are running means over the last epoch. The lowest validation loss is the minimum
    of the mean over seeds. Seconds are the median wall time of an epoch, validation included.
    """
    rows = []
    for variant, score in zip(result.study.variants, result.scores, strict=True):
        row: dict[str, Any] = {**score.point, "parameters": variant.n_parameters, "outcome": score.outcome}
        row |= {"seeds": len(score.records), "epochs": score.n_epochs}
        for quantity in ("train_accuracy", "validation_accuracy", "train_loss", "validation_loss"):
            row |= spread_columns(quantity, score.after(quantity) if score.n_epochs else None)
        rise = rise_of_loss(score) if score.n_epochs else None
        row["lowest_validation_loss"], row["lowest_after"] = (rise.lowest, rise.epoch) if rise else (None, None)
        row |= {**spread_columns("test_accuracy", score.test), "seconds_an_epoch": score.seconds_an_epoch}
        rows.append(row)
    return rows


def in_words(result: Result) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Return the header and the rows as people read them."""
    names = tuple(result.study.variants[0].point)
    header = tuple(name.replace("_", " ") for name in names)
    test = ("test",) if any(score.test for score in result.scores) else ()
    figures = ("training", "validation", "validation loss", *test, "s an epoch")
    rows = []
    for score, row in zip(result.scores, as_rows(result), strict=True):
        values = (score.point[name] for name in names)
        point = (f"{value:,}" if isinstance(value, int) else value_in_words(value) for value in values)
        told: dict[str, str] = {"training": score.outcome}
        if score.outcome == "finished":
            told = {
                "training": score.after("train_accuracy").in_percent(),
                "validation": validation(score).in_percent(),
                "validation loss": f"{row['validation_loss']:.3f}",
                "test": score.test.in_percent() if score.test else NONE,
                "s an epoch": f"{row['seconds_an_epoch']:.2g}",
            }
        rows.append((*point, f"{row['parameters']:,}", *(told.get(figure, NONE) for figure in figures)))
    return (*header, "parameters", *figures), rows


def as_markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table in Markdown, all columns but the first to the right."""
    ruler = ["---", *["---:"] * (len(header) - 1)]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in (header, ruler, *rows))
