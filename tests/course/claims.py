"""What the chapters' prose says of the results of their cells: a phrase, and code that fails unless it holds.

The code runs after the cells of the chapter, with their names. It is "" where the numbers are no results.
Other processors round otherwise, so results of long trainings have a tolerance.
"""

from collections.abc import Mapping

CLAIMS: Mapping[str, Mapping[str, str]] = {
    "1-neuron": {
        "28 × 28 pixels, so a neuron that sees it has 784 weights": "assert len(w) == 784 == 28 * 28",
        "brings 5,000 digits": "assert len(sample.train) + len(sample.validation) + len(sample.test) == 5_000",
    },
    "2-training-by-hand": {
        "falls from 17 to 0.3 in three epochs": """
sums = np.reshape(costs, (10, 4)).sum(axis=1)
assert round(sums[0]) == 17 and sums[2].round(1) == 0.3
""",
        "the old one minus 0.001": "assert NeuralNetwork().learning_rate == 0.001",
        "such as 0.00001": "assert h == 0.00001",
        "the rate below from 0.001 to 0.01": """
network = NeuralNetwork()
network.learning_rate = 0.01
network.train_neural_network()
assert [network.predict(*point) for point in network.testing_points] == [0] * 5
""",
        "| 2 | 1 | 10 | | 3 | 3 | 21 | | 4 | 5 | 32 | | 6 | 6 | 42 |": """
assert NeuralNetwork().training_points == [((2, 1), 10), ((3, 3), 21), ((4, 5), 32), ((6, 6), 42)]
""",
    },
    "3-predicting": {
        "passes if it is off by less than 0.1. All five pass": """
assert [abs(network.predict(*point) - 7 * point[0]) < 0.1 for point in network.testing_points] == [True] * 5
""",
        "right to within 0.005": "assert 0.004 < abs(sum(slopes(network)) - 7) < 0.005",
        "the cost in chapter 2 stayed at 0.3": """
taught = NeuralNetwork()
for epoch in range(10):
    costs = []
    for point, y in taught.training_points:
        costs.append((y - taught.predict(*point)) ** 2 / 2)
        taught.train(*point, y)
assert round(sum(costs), 1) == 0.3
""",
        "the prediction at $(0, 10)$ reaches 40": "assert round(longer.predict(0, 10), 1) == 40",
        "The right answer is 18. The slopes become 3.19 and 3.71, and the prediction at $(0, 10)$ is 37.1.": """
taught = NeuralNetwork()
taught.training_points.append(((6, 0), 18))
taught.train_neural_network()
assert [round(slope, 2) for slope in slopes(taught)] == [3.19, 3.71]
assert round(taught.predict(0, 10), 1) == 37.1
""",
        "need more than 100 epochs": """
longer = NeuralNetwork()
for epoch in range(100):
    for (x1, x2), y in longer.training_points:
        longer.train(x1, x2, y)
assert longer.predict(0, 10) < 37.1
""",
    },
    "4-size-and-overfitting": {
        "The network sees 80 points. It is judged on 1,000 others.": """
assert (len(points), len(new_points)) == (80, 1_000)
""",
        "a validation error of about 0.1": "",
        "It adds 0.9 of the last step": "",
        "lowest at four neurons and then rises": """
assert sizes[np.argmin([new for _, new in errors])] == 4
""",
        "from about 0.2 to 0.15": """
without, decayed_once = (error(layers, new_points, new_classes) for layers, _ in list(decayed.values())[:2])
assert abs(without - 0.2) < 0.05 and abs(decayed_once - 0.15) < 0.03 and decayed_once < without
""",
        "From 16 neurons on, every training digit is read right, but at least one new digit in ten is wrong": """
last = {hidden: history[-1] for hidden, history in by_size.items() if hidden >= 16}
assert min(epoch.train_accuracy for epoch in last.values()) == 1
assert max(epoch.validation_accuracy for epoch in last.values()) < 0.905
""",
        "With 0.003 the loss falls, but far too slowly. With 0.3 it falls at once. With 2.0": """
assert rates == (0.003, 0.3, 2.0)
""",
        "| A | 0.52 | 0.51 | | B | 1.00 | 0.81 | | C | 0.97 | 0.96 | | D | 0.10 | 0.10 |": "",
        "Training stays at 1.00, and validation rises from about 0.89 to 0.95. Four times the digits halve": """
few_digits, more_digits = (learn(128, sample.train[:n])[1][-1] for n in (1_000, 4_000))
assert few_digits.train_accuracy == 1 and more_digits.train_accuracy > 0.995
assert abs(few_digits.validation_accuracy - 0.89) < 0.02 and abs(more_digits.validation_accuracy - 0.95) < 0.02
""",
    },
    "5-mnist": {
        "10 hidden neurons: 784 · 10 weights and 10 biases, then 10 · 10 weights and 10 biases": """
assert sum(each.numel() for each in network(10).parameters()) == 784 * 10 + 10 + 10 * 10 + 10
""",
        "125 steps make an epoch, not 4,000": "assert len(x_train) == 4_000 == 125 * 32",
        "In two steps the loss is infinite": "assert in_two_steps.isinf()",
        "a slope of 0.01 and not of 0": "assert nn.LeakyReLU().negative_slope == 0.01",
        r"$\log(e + 9) - 1 \approx 1.46$": "assert round(np.log(np.e + 9) - 1, 2) == 1.46",
        "$n = 500$ digits": "assert len(sample.validation) == 500",
        "A learning rate of 0.01 has not arrived after ten epochs": """
assert VARIATIONS["learning rate 0.01"] == {"learning_rate": 0.01} and RECIPES["fc"].settings.epochs == 10
assert means["learning rate 0.01"] < baseline - error
""",
        "Momentum 0.9 makes steps up to ten times as long, which is too long with a learning rate of 0.1": """
assert RECIPES["fc"].settings.learning_rate == 0.1 and means["momentum 0.9"] < baseline - error
""",
        "Two settings leave it.": "assert sum(abs(mean - baseline) > error for mean in means.values()) == 2",
        r"$-\log \frac{1}{10} \approx 2.303$": "assert round(np.log(10), 3) == 2.303",
    },
    "6-convolution": {"dropout with probability 0.5": ""},
    "7-two-digits": {
        "42 rows and 28 columns": "assert picture.shape == (42, 28)",
        "6,000 pairs for training and validation, and 1,000 for testing": """
assert (len(pairs.train) + len(pairs.validation), len(pairs.test)) == (6_000, 1_000)
""",
        r"near $\log 10 \approx 2.303$": "assert all(abs(loss.item() - 2.303) < 0.1 for loss in losses)",
        "after 4 epochs than the fully connected one after 15": """
assert [len(run.history) for run in runs.values()] == [15, 4]
assert right["convolutional"].all(axis=1).mean() > right["fully connected"].all(axis=1).mean()
""",
        "4,000 training digits, and so 16 million pairs": "assert len(sample.train) == 4_000",
        "38 × 24 places. Pooling leaves 19 × 12, and 32 of these maps have 7,296 numbers": """
assert (42 - 4, 28 - 4, 19 * 12 * 32) == (38, 24, 7_296)
""",
        "trains on 5,400 fixed pairs": "assert len(pairs.train) == 5_400",
        "shrinks from about 8 to about 5 points": """
fresh = run_recipe(
    RECIPES["two-digit-mlp"].with_changes({"epochs": 15, "order": "fresh-pairs"}), pairs, seed=0, singles=sample
)
ends = [run.history[-1] for run in (runs["fully connected"], fresh)]
gaps = [100 * (end.train_accuracy - end.validation_accuracy) for end in ends]
assert abs(gaps[0] - 8) < 2 and abs(gaps[1] - 5) < 2 and gaps[1] < gaps[0] - 1
""",
    },
    "8-what-comes-next": {
        "16 blocks, and so 32 convolutions": """
assert sum(isinstance(part, ResidualBlock) for part in deep_network(ResidualBlock)) == 16
""",
        "a loss of 0.76 without shortcuts, and of 0.56 with them": """
for block, end in ((ResidualBlock, 0.56), (PlainBlock, 0.76)):
    assert abs(np.mean(shallow_losses[block][-10:]) - end) < 0.08
""",
        "temperatures from 0.53 to 0.58": "",  # see `tests/test_readme_figures.py`
        "The other 1,080 make 45 batches of 24": "assert len(separations.train) == 24 * 45 == 0.9 * 1_200",
        "where it says 80 %, it is right far less often": """
(orange,) = (each for name, each in bins.items() if name == "trained too long")
near = np.nanargmin(abs(orange.confidence - 0.8))
assert orange.accuracy[near] < orange.confidence[near] - 0.1
""",
    },
}
