from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from digitscope.data import Dataset
from digitscope.errors import SettingError
from digitscope.experiments.recipes import get_recipe
from digitscope.experiments.studies.findings import as_rows
from digitscope.experiments.studies.study import DESIGNS, Study, Variant, changed, run_study
from digitscope.experiments.sweep.engine import Event, Finished
from digitscope.experiments.sweep.sweep import Hooks
from digitscope.experiments.sweep.trials import Trial, TrialData
from digitscope.models import build
from tests.experiments.sweep.helpers import InProcess, small_data


class Interrupted(InProcess):
    """Is stopped when two trials are finished."""

    def run(self, trials: Sequence[Trial], /) -> Iterator[Event]:
        finished = 0
        for event in super().run(trials):
            yield event
            finished += isinstance(event, Finished)
            if finished == 2:
                raise KeyboardInterrupt


def small_study(n_seeds: int = 2) -> Study:
    recipe = changed(get_recipe("fc"), {"epochs": 2, "batch_size": 20, "train_size": 100})
    units = (2, 4, 8)
    return Study("few", tuple(Variant({"hidden": n}, recipe.with_changes({"hidden": n})) for n in units), n_seeds)


def without_time(study: Study, data: TrialData, engine: InProcess, folder: Path) -> list[dict[str, object]]:
    rows = as_rows(run_study(study, data.sha256(), engine, folder))
    return [{name: value for name, value in row.items() if name != "seconds_an_epoch"} for row in rows]


def test_a_study_goes_on_where_it_was_stopped_and_comes_to_the_same(sample: Dataset, tmp_path: Path) -> None:
    data, study = small_data(sample), small_study()
    with pytest.raises(KeyboardInterrupt):
        run_study(study, data.sha256(), Interrupted(data), tmp_path / "stopped")
    rest = InProcess(data)
    went_on = without_time(study, data, rest, tmp_path / "stopped")
    assert len(rest.trained) == 4
    assert went_on == without_time(study, data, InProcess(data), tmp_path / "at-once")
    more = InProcess(data)
    assert without_time(small_study(3), data, more, tmp_path / "stopped")[0]["seeds"] == 3
    assert len(more.trained) == 3


def test_scores_are_in_the_order_of_the_variants_with_a_row_a_seed(sample: Dataset, tmp_path: Path) -> None:
    data = small_data(sample)
    told: list[tuple[int, int]] = []
    done = run_study(
        small_study(),
        data.sha256(),
        InProcess(data),
        tmp_path,
        hooks=Hooks(on_round=lambda trials, n: told.append((len(trials), n))),
    )
    assert told == [(6, 0)]
    assert [score.label for score in done.scores] == ["hidden 2", "hidden 4", "hidden 8"]
    assert [[record.seed for record in score.records] for score in done.scores] == [[12321, 12322]] * 3
    assert done.scores[0].over_epochs("validation_accuracy").shape == (2, 2)
    assert done.finished(hidden=4) == (done.scores[1],)
    assert done.seconds == sum(e.seconds for s in done.scores for r in s.records for e in r.history)


def test_what_crashes_is_named_and_the_rest_goes_on(sample: Dataset, tmp_path: Path) -> None:
    data = small_data(sample)
    good, bad = (
        small_study().variants[0],
        Variant({"hidden": 3}, get_recipe("fc").with_changes({"train_size": 201})),
    )
    done = run_study(Study("few", (good, bad), 1), data.sha256(), InProcess(data), tmp_path)
    assert [score.outcome for score in done.scores] == ["finished", "failed"]
    assert "train_size is 201: expected at most 200" in done.failed[0].reason
    assert as_rows(done)[1]["validation_accuracy"] is None


@pytest.mark.parametrize(("n_train", "quick"), [(4_000, True), (54_000, False)])
def test_every_variant_of_every_study_can_be_trained(n_train: int, quick: bool) -> None:
    for design in DESIGNS.values():
        check_variants(design(n_train, quick), n_train)


def check_variants(variants: Sequence[Variant], n_train: int) -> None:
    assert len({tuple(variant.point.values()) for variant in variants}) == len(variants) > 1
    for variant in variants:
        model = build(variant.recipe.model, variant.recipe.options)
        assert variant.n_parameters == sum(each.numel() for each in model.parameters())
        assert getattr(variant.recipe.settings, "threads") == 1  # noqa: B009 - of both kinds of settings
        assert 0 < getattr(variant.recipe.settings, "train_size") <= n_train  # noqa: B009


def test_another_study_in_its_folder_and_no_seed_are_refused(sample: Dataset, tmp_path: Path) -> None:
    data = small_data(sample)
    run_study(small_study(1), data.sha256(), InProcess(data), tmp_path)
    other = Study("other", small_study().variants, 1)
    with pytest.raises(SettingError, match="name another folder with --out"):
        run_study(other, data.sha256(), InProcess(data), tmp_path)
    with pytest.raises(SettingError, match="seeds is 0: expected a whole number from 1"):
        small_study(0)
