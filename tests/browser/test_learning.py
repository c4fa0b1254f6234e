"""Watch a network learn: it starts, updates, stops, and says what its curves mean."""

from dataclasses import dataclass

import pytest

from tests.browser.conftest import Open
from tests.browser.drawings import number
from tests.browser.studio import Studio, as_number


def start(studio: Studio, **settings: int | float) -> None:
    """Open the tab, move the sliders to `settings`, and start."""
    studio.open_tab("Watch it learn")
    studio.wait_for("!document.querySelector('#start').disabled")
    for name, value in settings.items():
        slide(studio, name, value)
    studio.at("#start").click()


def slide(studio: Studio, name: str, value: float) -> None:
    """Move a slider stop by stop, as the keyboard does."""
    slider = studio.at(f"#{name}")
    slider.press("Home")
    for _ in range(20):
        if float(studio.text_of(f"#{name}-value").replace("none", "0").replace(",", "")) == value:
            return
        slider.press("ArrowRight")
    raise AssertionError(f"{name} has no stop at {value}")


def wait_for_epoch(studio: Studio, epoch: int) -> None:
    studio.wait_for(f"Number(/^Epoch (\\d+)/.exec({PROGRESS})?.[1] ?? 0) >= {epoch}")


PROGRESS = "document.querySelector('#progress-line').textContent"

KEEP_PLACES = """() => {
    window.places = () =>
        [...document.querySelectorAll('#learning-panel > *, #learning-panel figure, .page-footer')]
        .filter((each) => each.checkVisibility())
        .map((each) => {
            const { left, top, width, height } = each.getBoundingClientRect();
            return [each.id || each.className, ...[left, top + scrollY, width, height].map(Math.round)].join(' ');
        });
    const line = document.querySelector('#progress-line');
    new MutationObserver(() => {
        if (/^Epoch (?!1 )/.test(line.textContent)) window.during ??= places();
    }).observe(line, { childList: true, characterData: true, subtree: true });
}"""
"""Keeps in `during` where all is once curves are drawn; all epochs may pass between two questions from outside."""

BRIGHTNESS = """canvas => {
    const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
    const blue = (row, column) => data[4 * (row * canvas.width + column) + 2];
    return Array.from({ length: canvas.width }, (_, column) =>
        Array.from({ length: canvas.height }, (_, row) => blue(row, column)));
}"""
"""Of every row of a picture, column by column."""


def test_it_starts_updates_and_ends(studio: Studio) -> None:
    studio.draw(number("7"))
    start(studio, epochs=5, examples=1000)
    studio.wait_for(f"{PROGRESS}.startsWith('all 5 epochs')")
    studio.at("#start:not(.running)").wait_for()
    assert studio.at("#weights canvas").count() == 25
    for chart, most in (("#loss-chart", 5.0), ("#accuracy-chart", 100.0)):
        assert studio.at(f"{chart} polyline").count() == 2
        training, validation = studio.at(f"{chart} .value").all_text_contents()
        assert 0 < as_number(training) <= most
        assert 0 < as_number(validation) <= most
    columns = studio.at("#history canvas").evaluate(BRIGHTNESS)
    assert [len(column) for column in columns] == [10] * 5
    brightest = max(range(10), key=columns[-1].__getitem__)
    assert f"as {brightest} from epoch" in studio.text_of("#history-line")
    assert "1,000 to learn from" in studio.text_of("#training-data")
    assert studio.text_of("#diagnosis")
    assert "Training ended" in studio.text_of("#announcer")


def test_one_epoch_is_called_one(studio: Studio) -> None:
    start(studio, epochs=1, examples=100)
    studio.wait_for(f"{PROGRESS}.startsWith('one epoch: ')")


def test_it_stops_when_asked_and_reads_a_drawing_made_meanwhile(studio: Studio) -> None:
    start(studio, epochs=100, hidden=512, batch_size=16, examples=4000)  # a minute where a core is free
    wait_for_epoch(studio, 1)
    assert studio.text_of("#history-line") == ""
    assert studio.draw(number("4")) == "4"
    studio.wait_for("document.querySelector('#history-line').textContent.includes('as 4 from epoch')")
    studio.at("#start").click()
    studio.at("#start:not(.running)").wait_for()
    stopped_at = studio.at("#progress").evaluate("bar => bar.value")
    assert 0 < stopped_at < 1
    assert "top" in (studio.at("#drawing-bars li").nth(4).get_attribute("class") or "")


@pytest.mark.parametrize("width", [390, 1440])
def test_nothing_moves_while_it_learns(open_studio: Open, width: int) -> None:
    studio = open_studio(viewport={"width": width, "height": 900})
    studio.draw(number("7"))
    studio.open_tab("Watch it learn")
    studio.wait_for("!document.querySelector('#start').disabled")
    studio.page.evaluate(KEEP_PLACES)
    before = studio.page.evaluate("places()")
    studio.at("#start").click()
    studio.wait_for(f"{PROGRESS}.startsWith('all 20 epochs')")
    during, after = studio.page.evaluate("[during, places()]")
    assert [place for place in during if place not in before] == []
    assert [place for place in after if place not in before] == []


def test_settings_that_cannot_be_are_one_line(studio: Studio) -> None:
    studio.expected.append("status of 4")
    studio.page.route("**/api/trainings", lambda route: route.continue_(post_data='{"hidden": -1}'))
    start(studio)
    studio.wait_for("document.querySelector('#learning-complaint').textContent")
    assert "hidden" in studio.text_of("#learning-complaint")
    assert studio.text_of("#start") == "Start training"


@pytest.mark.parametrize(
    ("preset", "said"),
    [
        ("Sensible", "A gap:"),
        ("Too small", "Underfitting:"),
        ("By heart", "Overfitting:"),
        ("Too hasty", "Stuck:"),
    ],
)
def test_what_the_presets_show(studio: Studio, preset: str, said: str) -> None:
    studio.open_tab("Watch it learn")
    studio.wait_for("!document.querySelector('#start').disabled")
    studio.page.get_by_role("button", name=preset).click()
    studio.at("#start").click()
    studio.wait_for(f"/^all /.test({PROGRESS})")
    assert studio.text_of("#diagnosis").startswith(said)


@dataclass
class Curves:
    """Losses and shares that are right, of training and of validation digits, one an epoch."""

    train_loss: list[float | None]
    validation_loss: list[float | None]
    train_accuracy: list[float]
    validation_accuracy: list[float]
    planned: int = 6

    def epochs(self) -> list[dict[str, float | None]]:
        names = ("train_loss", "validation_loss", "train_accuracy", "validation_accuracy")
        rows = zip(*(getattr(self, name) for name in names), strict=True)
        return [
            {"epoch": number, "epochs": self.planned, **dict(zip(names, row, strict=True))}
            for number, row in enumerate(rows, start=1)
        ]


FALLS: list[float | None] = [1.0, 0.5, 0.2, 0.1, 0.05, 0.02]
RISES: list[float | None] = [1.0, 0.5, 0.7, 0.8, 0.9, 0.9]
OUTLIER: list[float | None] = [1.0, 0.5, 0.5, 0.9, 0.6, 0.6]
SLOW: list[float | None] = [2.3, 2.2, 2.1, 1.9, 1.8, 1.6]
STILL: list[float | None] = [2.3, 2.29, 2.28, 2.28, 2.28, 2.27]
FELL, HELD = [0.95, 0.95, 0.9, 0.9, 0.9, 0.9], [0.95, 0.95, 0.94, 0.94, 0.94, 0.94]

CURVES = [
    ("Overfitting: since epoch 2", Curves(FALLS, RISES, [0.99] * 6, FELL)),
    ("Growing too sure: ", Curves(FALLS, RISES, [0.99] * 6, HELD)),
    ("Learning: its loss", Curves(FALLS, OUTLIER, [0.96] * 6, [0.95, 0.95, 0.95, 0.9, 0.95, 0.95])),
    ("A gap: ", Curves(FALLS, [1, 0.5, 0.55, 0.6, 0.6, 0.6], [0.99] * 6, [0.9] * 6)),
    ("Overfitting: it knows", Curves(FALLS, [1, 0.9, 0.9, 0.9, 0.9, 0.9], [1.0] * 6, [0.75] * 6)),
    ("Underfitting: after 6", Curves(STILL, STILL, [0.4] * 6, [0.38] * 6)),
    ("Slow so far", Curves(STILL, STILL, [0.4] * 6, [0.38] * 6, planned=20)),
    ("Stuck", Curves(STILL, STILL, [0.11] * 6, [0.1] * 6)),
    ("Learning: both", Curves(SLOW, SLOW, [0.4] * 6, [0.4] * 6)),
    ("Learning: both", Curves(FALLS, [1, 0.8, 0.6, 0.5, 0.4, 0.35], [0.91] * 6, [0.91] * 6)),
    ("Settled:", Curves([0.2] * 6, [0.2] * 6, [0.95] * 6, [0.95] * 6)),
    ("Too early to tell", Curves([1, 0.5], [1, 2], [1, 1], [0.9, 0.1])),
    ("Diverged:", Curves([1, None], [1, None], [0.1] * 2, [0.1] * 2)),
    ("", Curves([], [], [], [])),
]
"""What is said where 500 digits are checked: two standard deviations of 95 % are 1.9 %."""


def test_what_curves_mean(studio: Studio) -> None:
    for expected, curves in CURVES:
        said = studio.imported("diagnosis", "diagnosis", curves.epochs(), 500)
        assert said.startswith(expected)
        assert bool(said) == bool(expected)


def test_what_the_first_click_shows_is_not_called_overfitting(studio: Studio) -> None:
    """About the curves of the defaults: the validation loss rises by a tenth, and as many digits are right."""
    right = [0.9, 0.9, 0.92, 0.928, 0.926, 0.934, 0.932, 0.936, 0.938, 0.938] + [0.936, 0.938] * 5
    losses: list[float | None] = [0.32, 0.33, 0.26, 0.25, 0.24, 0.24, 0.23, 0.225, 0.221, 0.222, *[0.243] * 10]
    falling: list[float | None] = [0.66 / number**1.4 for number in range(1, 21)]
    epochs = Curves(falling, losses, [0.8, *[1.0] * 19], right, planned=20).epochs()
    for last in range(1, 21):
        assert "verfit" not in studio.imported("diagnosis", "diagnosis", epochs[:last], 500)


def test_what_is_said_of_readings(studio: Studio) -> None:
    def line(*labels: int | None) -> str:
        readings = [None if label is None else {"label": label, "probabilities": [0.1] * 10} for label in labels]
        return str(studio.imported("history", "historyLine", readings))

    assert line() == line(None, None) == ""
    assert line(7, 7) == "Read as 7 from epoch 1 on."
    assert line(None, 3, 7, 7) == "Read as 3 from epoch 2, as 7 from epoch 3 on."
    assert line(1, 2, 1, 2, 2) == "Read as 2 from epoch 4 on, after 3 changes of mind."


def test_a_stream_of_events_is_taken_apart_wherever_it_is_cut(studio: Studio) -> None:
    stream = ": beat\r\n\r\nid: 1\r\nevent: epoch\r\ndata: {\r\ndata: }\r\n\r\n:\n\nid:2\ndata:é\n\n"
    events = studio.page.evaluate(
        """async (stream) => {
            const { serverEvents } = await import('/static/js/sse.js');
            const bytes = new TextEncoder().encode(stream);
            const body = new ReadableStream({
                start(to) { for (const byte of bytes) to.enqueue(Uint8Array.of(byte)); to.close(); } });
            const events = [];
            for await (const event of serverEvents(body)) events.push(event);
            return events;
        }""",
        stream,
    )
    assert events == [
        {"id": "1", "name": "epoch", "data": "{\n}"},
        {"id": "2", "name": "message", "data": "é"},
    ]
