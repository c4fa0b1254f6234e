import base64
import io
import logging
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient

import digitscope
from digitscope.data import Dataset, overlap
from digitscope.reading import Reader, Recognizer, shipped, shipped_path
from digitscope.serve import Limits, create_app
from tests.serve.helpers import UInt8, assert_problem, canvas, png


@pytest.fixture(scope="module")
def picture(sample: Dataset) -> bytes:
    """A PNG file with four digits in a row."""
    return png(canvas(*sample.test.images[:4]))


def seen_of(digit: dict[str, Any]) -> UInt8:
    """Take from a digit's JSON what the network saw."""
    seen = digit.pop("seen")
    return np.frombuffer(base64.b64decode(seen["pixels"]), np.uint8).reshape(seen["height"], seen["width"])


# Reading


def test_a_picture_is_read_as_the_library_reads_it(client: TestClient, sample: Dataset, picture: bytes) -> None:
    expected = digitscope.read(picture)
    answer = client.post("/api/read", content=picture, headers={"Content-Type": "image/png"})
    assert answer.status_code == 200, answer.text
    content = answer.json()
    images = [seen_of(digit) for digit in content["digits"]]
    assert content == expected.to_json()
    assert [digit["label"] for digit in content["digits"]] == sample.test.labels[:4].tolist()
    for image, digit in zip(images, expected.digits, strict=True):
        np.testing.assert_array_equal(image, digit.image)


def test_a_form_and_bytes_without_a_type_are_read_alike(client: TestClient, picture: bytes) -> None:
    answers = [
        client.post("/api/read", files={"picture": ("form.png", picture, "image/png")}),
        client.post("/api/read", files={"picture": ("form.png", picture)}, data={"note": "any"}),
        client.post("/api/read", content=picture, headers={"Content-Type": "application/octet-stream"}),
        client.post("/api/read?mode=page&printed=false&rotation=auto", content=picture),
    ]
    assert [answer.status_code for answer in answers] == [200] * 4
    assert all(answer.content == answers[0].content for answer in answers)


def test_a_pdf_file_is_read_as_the_library_reads_it(client: TestClient, picture: bytes) -> None:
    pytest.importorskip("pypdfium2")
    file = io.BytesIO()
    Image.open(io.BytesIO(picture)).save(file, "PDF")
    expected = digitscope.read(file.getvalue()).to_json()
    answers = [
        client.post("/api/read", content=file.getvalue(), headers={"Content-Type": "application/pdf"}),
        client.post("/api/read", files={"picture": ("form.pdf", file.getvalue(), "application/pdf")}),
    ]
    for answer in answers:
        assert answer.status_code == 200, answer.text
        content = answer.json()
        for digit in content["digits"]:
            seen_of(digit)
        assert content == expected


def test_a_file_of_more_pages_than_may_be_is_refused(picture: bytes) -> None:
    page, file = Image.open(io.BytesIO(picture)), io.BytesIO()
    page.save(file, "TIFF", save_all=True, append_images=[page] * 2)
    for pages, status in ((3, 200), (2, 422)):
        with TestClient(create_app(limits=Limits(pages=pages)), base_url="http://localhost") as client:
            answer = client.post("/api/read", content=file.getvalue())
        assert answer.status_code == status
    assert_problem(answer, 422, "more than 2 pages: divide it")


def test_two_digits_over_each_other(client: TestClient, sample: Dataset) -> None:
    upper, lower = sample.test.images[0], sample.test.images[1]
    picture = png(canvas(overlap(upper, lower)))
    content = client.post("/api/read?mode=pair", content=picture).json()
    assert [seen_of(digit).shape for digit in content["digits"]] == [(42, 28), (42, 28)]
    assert content == Reader.load().read_pair(picture).to_json()


def test_nothing_is_found_on_an_empty_sheet(client: TestClient) -> None:
    content = client.post("/api/read", content=png(canvas())).json()
    nothing = {"text": "", "lines": [], "digits": [], "signs": [], "rotation": 0, "remarks": []}
    assert content == {**nothing, "sizes": [[120, 280]], "regions": [], "table": None}


@pytest.mark.parametrize(
    ("content", "kind", "status", "part"),
    [
        (b"", "image/png", 422, "the picture: "),
        (b"words", "text/plain", 415, "expected multipart/form-data with the field picture"),
        (b"x", "multipart/form-data", 400, "Missing boundary"),
        (b"--y\r\n", "multipart/form-data; boundary=y", 400, "ends before its last boundary"),
    ],
)
def test_what_is_no_picture(client: TestClient, content: bytes, kind: str, status: int, part: str) -> None:
    answer = client.post("/api/read", content=content, headers={"Content-Type": kind})
    assert_problem(answer, status, part)


def test_a_form_without_a_boundary_is_no_matter_for_the_log(
    client: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    client.post("/api/read", content=b"x", headers={"Content-Type": "multipart/form-data"})
    assert [record.name for record in caplog.records if record.levelno >= logging.WARNING] == []


def test_a_form_without_the_picture(client: TestClient, picture: bytes) -> None:
    assert_problem(client.post("/api/read", files={"file": ("a.png", picture)}), 422, "'picture'")
    assert_problem(client.post("/api/read", files=[("picture", picture), ("picture", picture)]), 422, "2 files")
    form = b'--b\r\nContent-Disposition: form-data; name="picture"\r\n\r\nwords\r\n--b--\r\n'
    answer = client.post("/api/read", content=form, headers={"Content-Type": "multipart/form-data; boundary=b"})
    assert_problem(answer, 422, "0 files in the field 'picture'")


def test_an_option_in_the_form_is_not_passed_over(client: TestClient, picture: bytes) -> None:
    answer = client.post("/api/read", files={"picture": picture}, data={"rotation": "90"})
    assert_problem(answer, 422, "'rotation'", "/api/read?rotation=")


def test_a_picture_of_too_many_pixels(client: TestClient) -> None:
    bomb = png(np.zeros((10_000, 10_000), np.bool_))
    assert len(bomb) < 1_000_000
    assert_problem(client.post("/api/read", content=bomb), 422, "the picture: ", "pixels")


def test_an_encoded_body_is_not_decoded(client: TestClient, picture: bytes) -> None:
    answer = client.post("/api/read", content=picture, headers={"Content-Encoding": "gzip"})
    assert_problem(answer, 415, "'gzip'")


@pytest.mark.parametrize("query", ["mod=pair", "rotation=45"])
def test_an_unknown_option_is_refused(client: TestClient, picture: bytes, query: str) -> None:
    name = query.partition("=")[0]
    assert_problem(client.post(f"/api/read?{query}", content=picture), 422, f"query.{name}")


def test_options_of_a_page_are_refused_for_a_pair(client: TestClient, picture: bytes) -> None:
    answer = client.post("/api/read?mode=pair&rotation=0", content=picture)
    assert_problem(answer, 422, "query: mode=pair takes neither printed nor rotation")


def test_a_page_is_turned_as_asked(client: TestClient, picture: bytes) -> None:
    rotation = 270
    content = client.post(f"/api/read?printed=true&rotation={rotation}", content=picture).json()
    for digit in content["digits"]:
        del digit["seen"]
    assert content == digitscope.read(picture, printed=True, rotation=rotation).to_json()
    assert content["rotation"] == rotation


# Predicting


@pytest.mark.parametrize(("reads", "n"), [("digit", 1), ("two-digit", 50)])
def test_images_are_read_as_the_network_reads_them(
    client: TestClient, sample: Dataset, reads: str, n: int
) -> None:
    digits = sample.test.images[: 2 * n]
    images = digits[:n] if reads == "digit" else overlap(digits[:n], digits[n:])
    expected = Recognizer(shipped_path(reads)).predict(images)
    as_json = client.post("/api/predict", json={"images": images.tolist()})
    assert as_json.status_code == 200, as_json.text
    if n == 1:
        assert as_json.content == client.post("/api/predict", content=images.tobytes()).content
    content = as_json.json()
    assert content["reads"] == reads
    assert content["labels"] == expected.labels.tolist()
    np.testing.assert_allclose(content["probabilities"], expected.probabilities, atol=1e-6)
    if expected.distances is None:
        assert content["distances"] is None
    else:
        np.testing.assert_allclose(content["distances"], expected.distances, atol=1e-6)


BLANK = [[0] * 28] * 28


@pytest.mark.parametrize(
    ("content", "status", "part"),
    [
        ({"images": []}, 422, "28 rows of 28"),
        ({"images": [BLANK, [[0] * 28] * 42]}, 422, "all of 28 rows of 28 or 42 rows of 28 whole numbers"),
        ({"images": [[[0.5] * 28] * 28]}, 422, "whole numbers"),
    ],
)
def test_what_are_no_images(client: TestClient, content: object, status: int, part: str) -> None:
    assert_problem(client.post("/api/predict", json=content), status, part)


@pytest.mark.parametrize("body", [b"\xff\xfe{", b"1e999"])
def test_what_is_no_json_or_has_no_images(client: TestClient, body: bytes) -> None:
    answer = client.post("/api/predict", content=body, headers={"Content-Type": "application/json"})
    assert_problem(answer, 422 if body == b"1e999" else 400)


def test_bytes_that_are_no_image(client: TestClient) -> None:
    expected = "784 (28 rows of 28) or 1,176 (42 rows of 28)"
    assert_problem(client.post("/api/predict", content=bytes(785)), 422, "785 bytes are no image", expected)


def test_pictures_are_no_images_for_a_network(client: TestClient, picture: bytes) -> None:
    answer = client.post("/api/predict", content=picture, headers={"Content-Type": "image/png"})
    assert_problem(answer, 415, "'image/png'", "application/json or application/octet-stream")


def test_as_many_images_as_are_allowed_and_one_more() -> None:
    with TestClient(create_app(limits=Limits(images=1200)), base_url="http://localhost") as client:
        assert len(client.post("/api/predict", json={"images": [BLANK] * 1200}).json()["labels"]) == 1200
        answer = client.post("/api/predict", json={"images": [BLANK] * 1201})
    assert_problem(answer, 413, "1,201 images", "at most 1,200")


# What is there


def test_the_networks_that_read_here(client: TestClient) -> None:
    content = client.get("/api/models").json()
    assert [model["name"] for model in content] == ["digit", "two-digit", "page", "item"]
    assert [model["default"] for model in content] == [True, False, False, False]
    assert [model["image_shape"] for model in content] == [[28, 28], [42, 28], None, None]
    for model in content:
        path = shipped_path(model["name"])
        assert model["file_bytes"] == path.stat().st_size
        assert model["card"] == path.with_suffix(".md").read_text(encoding="utf-8")


@pytest.mark.parametrize("is_replaced", [True])
def test_the_networks_stay_as_they_were_whatever_becomes_of_their_files(
    client: TestClient, sample: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, is_replaced: bool
) -> None:
    weights = shutil.copytree(shipped.WEIGHTS, tmp_path / "weights")
    monkeypatch.setattr(shipped, "WEIGHTS", weights)
    app = create_app()
    other = shipped_path("digit-best").read_bytes()
    for file in weights.iterdir():
        file.unlink()
        if is_replaced:
            file.write_bytes(other)
    digit, pair = sample.test.images[0].tobytes(), bytes(42 * 28)
    kind = {"Content-Type": "application/octet-stream"}
    with TestClient(app, base_url="http://localhost") as later:
        assert later.get("/api/models").json() == client.get("/api/models").json()
        for path, image in (("/api/inside", digit), ("/api/predict", digit), ("/api/predict", pair)):
            answers = [each.post(path, content=image, headers=kind) for each in (later, client)]
            assert answers[0].json() == answers[1].json()


def test_the_page_and_its_files(client: TestClient) -> None:
    page = client.get("/")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert page.headers["cache-control"] == "no-cache"
    assert client.head("/").status_code == 200
    assert client.get("/", headers={"If-None-Match": page.headers["etag"]}).status_code == 304
    assert client.get("/static/index.html").content == page.content
    assert_problem(client.get("/static/nothing.js"), 404)
    assert_problem(client.get("/static/../app.py"), 404)
    assert_problem(client.get("/static/..%2fapp.py"), 404)
