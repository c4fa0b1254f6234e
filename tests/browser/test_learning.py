"""Watch a network learn: it starts, updates, stops, and says what its curves mean."""

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
    studio.wait_for(f"document.querySelectorAll('#strip li').length >= {epoch}")


def test_it_starts_updates_and_ends(studio: Studio) -> None:
    studio.draw(number("7"))
    start(studio, epochs=5, examples=1000)
    wait_for_epoch(studio, 5)
    studio.at("#start:not(.running)").wait_for()
    assert studio.at("#weights canvas").count() == 25
    for chart, most in (("#loss-chart", 5.0), ("#accuracy-chart", 100.0)):
        assert studio.at(f"{chart} polyline").count() == 2
        training, validation = studio.at(f"{chart} .value").all_text_contents()
        assert 0 < as_number(training) <= most
        assert 0 < as_number(validation) <= most
    assert len(studio.at("#strip li").all_inner_texts()) == 5
    assert "1,000 to learn from" in studio.text_of("#training-data")
    assert studio.text_of("#diagnosis")
    assert "Training ended" in studio.text_of("#announcer")


def test_it_stops_when_asked_and_reads_a_drawing_made_meanwhile(studio: Studio) -> None:
    start(studio, epochs=100, hidden=512, batch_size=16)  # half a minute
    studio.wait_for("document.querySelector('#progress').value > 0")
    assert studio.at("#strip li").count() == 0
    assert studio.draw(number("4")) == "4"
    wait_for_epoch(studio, 2)
    studio.at("#start").click()
    studio.at("#start:not(.running)").wait_for()
    stopped_at = studio.at("#progress").evaluate("bar => bar.value")
    assert 0 < stopped_at < 1
    assert "top" in (studio.at("#drawing-bars li").nth(4).get_attribute("class") or "")


def test_settings_that_cannot_be_are_one_line(studio: Studio) -> None:
    studio.expected.append("status of 4")
    studio.page.route("**/api/trainings", lambda route: route.continue_(post_data='{"hidden": -1}'))
    start(studio)
    studio.wait_for("document.querySelector('#learning-complaint').textContent")
    assert "hidden" in studio.text_of("#learning-complaint")
    assert studio.text_of("#start") == "Start training"


def test_over_fitting_is_seen_and_said(studio: Studio) -> None:
    studio.draw(number("2"))
    studio.open_tab("Watch it learn")
    studio.wait_for("!document.querySelector('#start').disabled")
    studio.page.get_by_role("button", name="By heart").click()
    studio.at("#start").click()
    studio.wait_for("/^(Overfitting|A gap)/.test(document.querySelector('#diagnosis').textContent)")
    studio.at("#start.running").click()


CURVES: dict[str, tuple[list[float | None], list[float | None], float]] = {
    "Overfitting: since epoch 3": ([1.0, 0.5, 0.2, 0.1, 0.05, 0.02], [1.0, 0.6, 0.5, 0.55, 0.6, 0.7], 1.0),
    "Underfitting: after 6 epochs": ([2.3, 2.29, 2.28, 2.28, 2.28, 2.27], [2.3, 2.3, 2.3, 2.29, 2.29, 2.29], 0.2),
    "Learning:": ([1.0, 0.8, 0.6, 0.5, 0.4, 0.3], [1.0, 0.8, 0.6, 0.5, 0.4, 0.35], 0.91),
    "Settled:": ([0.2, 0.2, 0.2, 0.2, 0.2, 0.2], [0.2, 0.2, 0.2, 0.2, 0.2, 0.2], 0.95),
    "Too early to tell": ([1.0, 0.5], [1.0, 0.6], 0.9),
    "Diverged:": ([1.0, None], [1.0, None], 0.1),
    "": ([], [], 0.0),
}
"""What is said of training losses, validation losses, and the accuracy of both."""


def test_what_curves_mean(studio: Studio) -> None:
    for expected, (learned, checked, accuracy) in CURVES.items():
        epochs = [
            {
                "epoch": number,
                "train_loss": mine,
                "validation_loss": theirs,
                "train_accuracy": accuracy,
                "validation_accuracy": accuracy,
            }
            for number, (mine, theirs) in enumerate(zip(learned, checked, strict=True), start=1)
        ]
        said = studio.imported("diagnosis", "diagnosis", epochs)
        assert said.startswith(expected)
        assert bool(said) == bool(expected)


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
