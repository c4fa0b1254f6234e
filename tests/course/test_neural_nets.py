import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from digitscope.course.neural_nets import (
    NeuralNetwork,
    output_layer_activation,
    output_layer_activation_derivative,
    rectified_linear_unit,
    rectified_linear_unit_derivative,
)


def test_activations_take_numbers_and_arrays() -> None:
    assert [rectified_linear_unit(x) for x in (-2, 0, 3)] == [0, 0, 3]
    assert [rectified_linear_unit_derivative(x) for x in (-2, 0, 3)] == [0, 0, 1]
    assert output_layer_activation(-2) == -2
    assert output_layer_activation_derivative(-2) == 1
    column = np.array([[-1], [0], [2]])
    np.testing.assert_array_equal(rectified_linear_unit(column), [[0], [0], [2]])
    np.testing.assert_array_equal(rectified_linear_unit_derivative(column), [[0], [0], [1]])


def test_the_start_is_the_course_s() -> None:
    network = NeuralNetwork()
    np.testing.assert_array_equal(network.input_to_hidden_weights, np.ones((3, 2)))
    np.testing.assert_array_equal(network.hidden_to_output_weights, np.ones((1, 3)))
    np.testing.assert_array_equal(network.biases, np.zeros((3, 1)))
    assert (network.learning_rate, network.epochs_to_train) == (0.001, 10)
    assert network.training_points == [((2, 1), 10), ((3, 3), 21), ((4, 5), 32), ((6, 6), 42)]
    assert network.testing_points == [(1, 1), (2, 2), (3, 3), (5, 5), (10, 10)]


def test_one_step_worked_by_hand() -> None:
    # (2, 1): each hidden neuron is 3, the output 9, the answer 10, so the error is -1.
    # Hidden weights move by 0.001 * (2, 1), biases by 0.001, output weights by 0.001 * 3.
    network = NeuralNetwork()
    assert network.predict(2, 1) == 9
    network.train(2, 1, 10)
    np.testing.assert_allclose(network.input_to_hidden_weights, [[1.002, 1.001]] * 3, atol=1e-15)
    np.testing.assert_allclose(network.biases, [[0.001]] * 3, atol=1e-15)
    np.testing.assert_allclose(network.hidden_to_output_weights, [[1.003] * 3], atol=1e-15)


def test_training_reaches_the_course_s_figures(capsys: pytest.CaptureFixture[str]) -> None:
    network = NeuralNetwork()
    network.train_neural_network()
    assert network.predict(1, 1) == pytest.approx(7.038453196038151, abs=1e-9)
    assert network.predict(10, 10) == pytest.approx(70.07770787249461, abs=1e-9)
    network.test_neural_network()
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("Point, (1, 1) Prediction, 7.0384531960")
    assert lines[1::2] == ["Test Passed"] * 5


def test_an_untrained_network_fails_at_the_first_point(capsys: pytest.CaptureFixture[str]) -> None:
    NeuralNetwork().test_neural_network()
    assert capsys.readouterr().out.splitlines() == [
        "Point, (1, 1) Prediction, 6.0",
        "Point  1 1  failed to be predicted correctly.",
    ]


def test_settings_and_weights_given_from_outside_are_used() -> None:
    network = NeuralNetwork()
    network.learning_rate = 0.0
    network.train(2, 1, 10)
    np.testing.assert_array_equal(network.biases, np.zeros((3, 1)))
    network.biases = np.ones((3, 1))
    assert network.predict(2, 1) == 12


def test_networks_share_nothing() -> None:
    trained, fresh = NeuralNetwork(), NeuralNetwork()
    trained.train_neural_network()
    trained.training_points.clear()
    assert fresh.predict(1, 1) == 6
    assert len(NeuralNetwork().training_points) == 4


@pytest.mark.filterwarnings("ignore:the matrix subclass:PendingDeprecationWarning")
def test_the_handout_s_matrices_are_taken() -> None:
    plain, matrices = NeuralNetwork(), NeuralNetwork()
    given: Any = np.matrix("1. 1.; 1. 1.; 1. 1."), np.matrix("1. 1. 1."), np.matrix("0.; 0.; 0.")
    matrices.input_to_hidden_weights, matrices.hidden_to_output_weights, matrices.biases = given
    assert matrices.predict(2, 1) == plain.predict(2, 1)
    matrices.train(2, 1, 10)
    plain.train(2, 1, 10)
    np.testing.assert_array_equal(matrices.input_to_hidden_weights, plain.input_to_hidden_weights)
    np.testing.assert_array_equal(matrices.hidden_to_output_weights, plain.hidden_to_output_weights)
    np.testing.assert_array_equal(matrices.biases, plain.biases)


def test_as_a_script_it_trains_and_tests() -> None:
    command = [sys.executable, "-m", "digitscope.course.neural_nets"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.splitlines()[1::2] == ["Test Passed"] * 5
