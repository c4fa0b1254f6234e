"""A paragraph for each study, generated from its numbers."""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

from digitscope.experiments.studies.comparing import (
    after_last,
    alike,
    best_of,
    chance,
    enumerate_words,
    like_best,
    rise_of_loss,
    validation,
)
from digitscope.experiments.studies.study import Result, seconds_an_epoch
from digitscope.experiments.sweep.ranking import PointScore
from digitscope.experiments.sweep.space import value_in_words
from digitscope.settings import TrainingSettings

RISE = "more than a tenth above its lowest"
ALMOST_ALL = 0.9995
"""Training accuracy that is 100.0 % to a tenth of a percent."""


def capacity(result: Result) -> str:
    """Return the effect of more hidden units on accuracy, overfitting and cost."""
    scores = result.finished()
    best, smallest, largest = best_of(scores), scores[0], scores[-1]
    units = {score.label: f"{score.point['hidden']:,}" for score in scores}
    same = [units[score.label] for score in like_best(scores)]
    told = f"; {enumerate_words(same)} units are alike" if same else ""
    most = f"{units[best.label]} hidden units are best on validation, with {validation(best).in_percent()}"
    sentences = [
        f"{_setting(result)}, {most}{told}.",
        _what_is_learned(scores),
        _where_it_overfits(scores, units),
        _what_it_costs(result, smallest, largest),
        chance(result.study.n_seeds),
    ]
    return " ".join(sentences)


def _what_is_learned(scores: Sequence[PointScore]) -> str:
    smallest, largest = scores[0], scores[-1]
    learned = [score for score in scores if after_last(score, "train_accuracy").mean >= ALMOST_ALL]
    fewest = (
        f" The fewest units with a training accuracy of at least {100 * ALMOST_ALL:.2f} % are "
        f"{learned[0].point['hidden']:,}."
        if learned
        else ""
    )
    ends = [after_last(score, "train_accuracy").in_percent() for score in (smallest, largest)]
    widest = max(scores, key=_lead)
    return (
        f"From {smallest.point['hidden']:,} to {largest.point['hidden']:,} units, training accuracy goes from "
        f"{ends[0]} to {ends[1]}. Its lead over validation goes from {_lead(smallest):.1f} to "
        f"{_lead(largest):.1f} points, with a maximum of {_lead(widest):.1f} at "
        f"{widest.point['hidden']:,}.{fewest}"
    )


def _lead(score: PointScore) -> float:
    """Return the lead of training over validation accuracy after the last epoch, in points."""
    return 100 * (after_last(score, "train_accuracy").mean - validation(score).mean)


def _what_it_costs(result: Result, smallest: PointScore, largest: PointScore) -> str:
    parameters = {variant.point["hidden"]: variant.n_parameters for variant in result.study.variants}
    few, many = smallest.point["hidden"], largest.point["hidden"]
    times = _times(seconds_an_epoch(largest), seconds_an_epoch(smallest))
    return (
        f"The parameters grow from {parameters[few]:,} with {few:,} to {parameters[many]:,} with {many:,}; "
        f"an epoch then takes {times} times as long."
    )


def _where_it_overfits(scores: Sequence[PointScore], units: Mapping[str, str]) -> str:
    overfitted = [score for score in scores if rise_of_loss(score).is_notable]
    if not overfitted:
        return f"No network overfits: no validation loss ends {RISE}."
    names = [units[score.label] for score in overfitted]
    to_the_end = list(scores[-len(overfitted) :]) == overfitted
    where = f"from {names[0]} units on" if to_the_end else f"with {enumerate_words(names)} units"
    rise = rise_of_loss(overfitted[-1])
    return (
        f"The network overfits {where}: the validation loss ends {RISE}. With {names[-1]} units it is lowest "
        f"after epoch {rise.epoch} ({rise.lowest:.3f} nats) and ends at {rise.last:.3f}. "
        f"{_accuracy_of_widest(scores)}."
    )


def _accuracy_of_widest(scores: Sequence[PointScore]) -> str:
    best, widest = best_of(scores), scores[-1]
    if widest is best or alike(validation(widest), validation(best)):
        return "More units do not lower the validation accuracy"
    return f"The widest network is {_points(best, widest):.2f} points below the best"


def epochs(result: Result) -> str:
    """Return the course of each way of training, and the effect of dropout and warps."""
    scores = result.finished()
    best = best_of(scores)
    same = [score.point["training"] for score in like_best(scores)]
    sentences = [
        f"{_setting(result)}, {_quoted(best)} is best on validation, with {validation(best).in_percent()}"
        + (f"; {enumerate_words(same)} alike." if same else ".")
    ]
    plain = result.finished(training="plain")
    for score in scores:
        sentence = (
            f"With {_quoted(score)}, training accuracy is {after_last(score, 'train_accuracy').in_percent()} and "
            f"validation accuracy {validation(score).in_percent()}. The validation loss is lowest {_loss(score)}."
        )
        if plain and score.point["training"] != "plain":
            sentence += f" The difference from plain is {_difference(plain[0], score)}."
        sentences.append(sentence)
    return " ".join([*sentences, chance(result.study.n_seeds)])


def _loss(score: PointScore) -> str:
    rise = rise_of_loss(score)
    if rise.epoch == score.n_epochs:
        return f"at the end ({rise.last:.3f} nats), so more epochs may help"
    end = f"ends at {rise.last:.3f}, {RISE}" if rise.is_notable else "then rises by at most a tenth"
    return f"after epoch {rise.epoch} ({rise.lowest:.3f} nats) and {end}"


def data(result: Result) -> str:
    """Return the effect of more digits on each network, and the best network for each number of digits."""
    sentences, ends = [_digits_met(result)], {}
    for name in dict.fromkeys(score.point["network"] for score in result.finished()):
        scores = result.finished(network=name)
        ends[name] = scores[-1]
        sentences.append(_from_few_to_many(name, scores))
    leaders: dict[str, list[str]] = {}
    for size in sorted({score.point["digits"] for score in result.finished()}):
        scores = result.finished(digits=size)
        best, same = best_of(scores), [f'"{score.point["network"]}"' for score in like_best(scores)]
        told = f", with {enumerate_words(same)} alike" if same else ""
        leaders.setdefault(f'"{best.point["network"]}" is best{told}', []).append(f"{size:,}")
    sentences += [f"With {enumerate_words(sizes)} digits {leader}." for leader, sizes in leaders.items()]
    sentences += _fewer_digits(result, ends)
    return " ".join([*sentences, chance(result.study.n_seeds)])


def _from_few_to_many(name: str, scores: Sequence[PointScore]) -> str:
    fewest, most = scores[0], scores[-1]
    last = [f"{score.point['digits']:,}" for score in scores[-2:]]
    same = len(last) == 2 and alike(*map(validation, scores[-2:]))
    flat = f"; {enumerate_words(last)} are alike" if same else ""
    return (
        f'With "{name}", validation accuracy is {validation(fewest).in_percent()} with '
        f"{fewest.point['digits']:,} training digits and {validation(most).in_percent()} with "
        f"{most.point['digits']:,}{flat}."
    )


def _digits_met(result: Result) -> str:
    settings = common_settings(result)
    n_met = settings.epochs * settings.epoch_size
    return f"Every training takes {n_met:,} digits in batches of {settings.batch_size}; small sets are repeated."


def _fewer_digits(result: Result, ends: Mapping[str, PointScore]) -> list[str]:
    """Return how few digits the best network needs to equal the worst with all digits."""
    first, last = (pick(ends, key=lambda name: validation(ends[name]).mean) for pick in (max, min))
    goal = ends[last]
    enough = [score for score in result.finished(network=first) if validation(score).mean >= validation(goal).mean]
    if first == last or not enough:
        return []
    most, fewer = goal.point["digits"], enough[0].point["digits"]
    return [f'With {fewer:,} digits or fewer, "{first}" equals "{last}" with {most:,}.']


def optimizers(result: Result) -> str:
    """Rank the optimisers, each at its best learning rate, and name those within chance."""
    scores = result.finished()
    names = list(dict.fromkeys(score.point["optimizer"] for score in scores))
    chosen = sorted(
        (best_of(result.finished(optimizer=name)) for name in names), key=lambda s: -validation(s).mean
    )
    best = chosen[0]
    same = [score.point["optimizer"] for score in like_best(chosen)]
    ahead = "" if result.study.n_seeds == 1 else f"{best.point['optimizer']} is ahead by more than chance."
    sentences = [
        f"{_setting(result)}, validation accuracies and best learning rates are as follows.",
        f"{'; '.join(map(_at_its_rate, chosen))}.",
        f"{best.point['optimizer']} is first, with {enumerate_words(same)} alike." if same else ahead,
        _at_an_end(result, chosen),
        _slowest(chosen),
        *(f"Diverged: {score.label}." for score in result.scores if score.outcome == "diverged"),
    ]
    return " ".join([*filter(None, sentences), chance(result.study.n_seeds)])


def _at_its_rate(score: PointScore) -> str:
    rate = value_in_words(score.point["learning_rate"])
    return f"{score.point['optimizer']} {validation(score).in_percent()} at {rate}"


def _at_an_end(result: Result, chosen: Sequence[PointScore]) -> str:
    """Name the optimisers whose best learning rate is the lowest or highest tried."""
    names = []
    for score in chosen:
        tried = [
            variant.point["learning_rate"]
            for variant in result.study.variants
            if variant.point["optimizer"] == score.point["optimizer"]
        ]
        if score.point["learning_rate"] in (min(tried), max(tried)):
            names.append(score.point["optimizer"])
    if not names:
        return ""
    ends = f"For {enumerate_words(names)}, the best rate is the lowest or highest that was tried"
    return f"{ends}, so a better one may lie beyond."


def _slowest(chosen: Sequence[PointScore]) -> str:
    seconds = {score.point["optimizer"]: seconds_an_epoch(score) or 0.0 for score in chosen}
    slow, fast = max(seconds, key=lambda name: seconds[name]), min(seconds, key=lambda name: seconds[name])
    return (
        f"An epoch takes longest with {slow}, {_times(seconds[slow], seconds[fast])} times as long as with {fast}."
    )


def _difference(first: PointScore, second: PointScore) -> str:
    points = f"{-_points(first, second):+.2f} points"
    return points + (", within the seeds' deviation" if alike(validation(first), validation(second)) else "")


def _points(first: PointScore, second: PointScore) -> float:
    return 100 * (validation(first).mean - validation(second).mean)


def _setting(result: Result) -> str:
    """Return the number of training digits and of epochs, which all variants share."""
    settings = common_settings(result)
    return f"On {settings.train_size:,} training digits, after {settings.epochs} epochs"


def common_settings(result: Result) -> TrainingSettings:
    """Return the settings of the first variant; all share its number of digits and of epochs."""
    settings = result.study.variants[0].recipe.settings
    assert isinstance(settings, TrainingSettings)  # noqa: S101 - the designs have no other
    return settings


def _quoted(score: PointScore) -> str:
    return f'"{score.point["training"]}"'


def _times(long: float | None, short: float | None) -> str:
    return f"{long / short:.1f}" if long and short else "?"


FINDINGS: Mapping[str, Callable[[Result], str]] = MappingProxyType(
    {"capacity": capacity, "epochs": epochs, "data": data, "optimizers": optimizers}
)
"""Each takes a result with at least one finished variant."""
