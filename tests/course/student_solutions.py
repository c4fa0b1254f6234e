"""What students write: right solutions, and wrong ones with a part of the sentence that each is to get.

Each source ends in a name `solution`.
"""

Wrong = dict[str, str]


def edited(source: str, changes: dict[str, tuple[str, str]]) -> Wrong:
    """Return wrong solutions, by sentence: `source` with one text in place of another."""
    for old, _ in changes.values():
        assert old in source, old
    return {sentence: source.replace(old, new) for sentence, (old, new) in changes.items()}


RELU = [
    "def solution(x):\n    return max(0, x)",
    "def solution(z):\n    if z <= 0:\n        return 0\n    return z",
    "def solution(x): return np.where(x > 0, x, 0)",
    "solution = np.vectorize(lambda x: (x + abs(x)) / 2)",
]
RELU_WRONG = {
    "that is the absolute value": "solution = abs",
    "come back unchanged": "def solution(x): return x",
    "two sides are swapped": "def solution(x): return min(0, x)",
    "that is leaky ReLU": "def solution(x): return x if x > 0 else 0.01 * x",
    "that is the slope of ReLU": "def solution(x): return 1 if x > 0 else 0",
    "returns None: did you forget return?": "def solution(x):\n    y = max(0, x)",
    "Negative inputs give None: one branch lacks its return": "def solution(x):\n    if x >= 0:\n        return x",
    "Fractions are lost": "def solution(x): return int(max(0, x))",
    "relu(0) raised TypeError: 'float' object does not support item assignment at line 2": (
        "def solution(x):\n    x[x < 0] = 0\n    return x"
    ),
    "relu(2) gives 4, which is wrong": "def solution(x): return x * x if x > 0 else 0",
    "returns NaN": "def solution(x): return np.float64(x) / 0 * 0",
    "returns a str: expected a number": "def solution(x): return str(max(0, x))",
    "returns shape (2,): expected one number": "def solution(x): return np.array([0, x])",
    "returns a list: expected a number": "def solution(x): return [max(0, x)]",
    "Large inputs stop at a limit": "def solution(x): return min(10, max(0, x))",
    "Small positive inputs give 0": "def solution(x): return x if x > 0.01 else 0",
}

RELU_DERIVATIVE = [
    "def solution(x): return 1 if x > 0 else 0",
    "def solution(value): return np.heaviside(value, 0)",
    "def solution(x):\n    if x <= 0: return 0.0\n    else: return 1.0",
]
RELU_DERIVATIVE_WRONG = {
    "Only the value at 0 is wrong": "def solution(x): return 1 if x >= 0 else 0",
    "the middle between the two sides": "def solution(x): return np.heaviside(x, 0.5)",
    "0 gives None": "def solution(x):\n    if x > 0: return 1\n    if x < 0: return 0",
    "that is ReLU itself": "def solution(x): return max(0, x)",
    "Every input gives 1": "def solution(x): return 1",
    "Negative inputs give -1": "def solution(x): return np.sign(x)",
    "Every input but 0 gives 1": "def solution(x): return int(bool(x))",
    "that x is compared with": "def solution(x): return 1 if x > 0.01 else 0",
    "ZeroDivisionError": "def solution(x): return max(0, x) / x",
}

ARRAYS = """
class solution:
    def __init__(self):
        self.input_to_hidden_weights = np.ones((3, 2))
        self.hidden_to_output_weights = np.ones((1, 3))
        self.biases = np.zeros((3, 1))
        self.learning_rate = 0.001

    def train(self, x1, x2, y):
        x = np.array([[x1], [x2]])
        z = self.input_to_hidden_weights @ x + self.biases
        h = np.maximum(z, 0)
        out = self.hidden_to_output_weights @ h
        delta_out = out - y
        delta = self.hidden_to_output_weights.T * delta_out * (z > 0)
        grad_out = delta_out @ h.T
        grad_in = delta @ x.T
        self.biases -= self.learning_rate * delta
        self.hidden_to_output_weights -= self.learning_rate * grad_out
        self.input_to_hidden_weights -= self.learning_rate * grad_in

    def predict(self, x1, x2):
        x = np.array([[x1], [x2]])
        z = self.input_to_hidden_weights @ x + self.biases
        h = np.maximum(z, 0)
        out = self.hidden_to_output_weights @ h
        return out.item()
"""
MATRICES = """
relu = np.vectorize(lambda x: max(0, x))
slope = np.vectorize(lambda x: 1 if x > 0 else 0)

class solution:
    def __init__(self):
        self.input_to_hidden_weights = np.matrix('1 1; 1 1; 1 1')
        self.hidden_to_output_weights = np.matrix('1 1 1')
        self.biases = np.matrix('0; 0; 0')
        self.learning_rate = .001

    def train(self, x1, x2, y):
        print("training")
        x = np.matrix([[x1], [x2]])
        z = self.input_to_hidden_weights * x + self.biases
        h = relu(z)
        error = -(y - self.hidden_to_output_weights * h)
        hidden_error = np.multiply(self.hidden_to_output_weights.T * error, slope(z))
        self.biases = self.biases - self.learning_rate * hidden_error
        self.hidden_to_output_weights = self.hidden_to_output_weights - self.learning_rate * (h * error).T
        self.input_to_hidden_weights = self.input_to_hidden_weights - self.learning_rate * hidden_error * x.T

    def predict(self, x1, x2):
        z = self.input_to_hidden_weights * np.matrix([[x1], [x2]]) + self.biases
        return self.hidden_to_output_weights * relu(z)
"""
LOOPS = """
def solution(net, x1, x2, y):
    W, V, b = net.input_to_hidden_weights, net.hidden_to_output_weights, net.biases
    z = [W[i, 0] * x1 + W[i, 1] * x2 + b[i, 0] for i in range(3)]
    out = sum(V[0, i] * max(0, z[i]) for i in range(3))
    W, V, b = W.copy(), V.copy(), b.copy()
    for i in range(3):
        if z[i] > 0:
            step = net.learning_rate * (out - y)
            old = V[0, i]
            V[0, i] -= step * z[i]
            W[i, 0] -= step * old * x1
            W[i, 1] -= step * old * x2
            b[i, 0] -= step * old
    net.input_to_hidden_weights, net.hidden_to_output_weights, net.biases = W, V, b
"""
TRAIN_STEP = [ARRAYS, MATRICES, LOOPS, f"{ARRAYS}\nsolution = solution()"]
_SLOPE = " * (z > 0)"
TRAIN_STEP_WRONG = {
    **edited(
        ARRAYS,
        {
            "The step goes up the gradient": ("out - y", "y - out"),
            "The biases do not change": ("self.biases -= self.learning_rate * delta", "pass"),
            "hidden-to-output weights do not change": (
                "self.hidden_to_output_weights -= self.learning_rate * grad_out",
                "hidden_to_output_weights = self.hidden_to_output_weights - self.learning_rate * grad_out",
            ),
            "The learning rate is missing": ("self.learning_rate * ", ""),
            "The learning rate is applied twice": (
                "delta_out = out - y",
                "delta_out = self.learning_rate * (out - y)",
            ),
            "The learning rate is a number in your code": ("self.learning_rate * ", "0.001 * "),
            "lacks the slope of its activation": (_SLOPE, ""),
            "taken at the wrong layer": (_SLOPE, " * (out > 0)"),
            "taken at the error": (_SLOPE, " * (self.hidden_to_output_weights.T * delta_out > 0)"),
            "lacks the weights to the output": ("self.hidden_to_output_weights.T * delta_out", "delta_out"),
            "share one error": (
                "self.hidden_to_output_weights.T * delta_out * (z > 0)",
                "delta_out @ self.hidden_to_output_weights @ (z > 0)",
            ),
            "The gradient of the biases is the output's error": (
                "self.learning_rate * delta\n",
                "self.learning_rate * delta_out\n",
            ),
            "uses the hidden layer before its activation": ("delta_out @ h.T", "delta_out @ z.T"),
            "is the loss itself": ("delta_out = out - y", "delta_out = 0.5 * (y - out) ** 2"),
            "Every step is twice too long": ("delta_out = out - y", "delta_out = 2 * (out - y)"),
            "The forward pass has no bias": ("@ x + self.biases", "@ x"),
            "The hidden layer has no activation function": ("np.maximum(z, 0)", "z"),
            "The output layer has ReLU:": (
                "out = self.hidden_to_output_weights @ h",
                "out = np.maximum(self.hidden_to_output_weights @ h, 0)",
            ),
            "x1 and x2 are swapped": ("[[x1], [x2]]", "[[x2], [x1]]"),
            "The old weights are lost": (" -= self.learning_rate", " = -self.learning_rate"),
            "two matrices do not fit for a product": ("delta @ x.T", "delta @ x"),
            "changes input_to_hidden_weights in a wrong way; biases and": ("delta @ x.T", "delta @ x.T * 3"),
            "is the layer's value": (_SLOPE, " * h"),
            "is the weighted input": (_SLOPE, " * z"),
            "has the slope of leaky ReLU": (_SLOPE, " * np.where(z > 0, 1, 0.01)"),
            "lacks the output's error": ("delta_out @ h.T", "h.T"),
            "lacks the inputs": ("delta @ x.T", "delta"),
            "needs biases of shape (3, 1): the network starts with (3,)": ("np.zeros((3, 1))", "np.zeros(3)"),
        },
    ),
    **edited(
        MATRICES,
        {
            "is a column": ("(h * error).T", "(h * error)"),
            "so use np.vectorize to apply it to each number": (
                "np.vectorize(lambda x: max(0, x))",
                "lambda x: max(0, x)",
            ),
            "train changes nothing": ("self.learning_rate * ", "0 * "),
            "Only the biases go up their gradient": (
                "self.biases - self.learning_rate",
                "self.biases + self.learning_rate",
            ),
            "Only the input-to-hidden weights go up their gradient": (
                "self.input_to_hidden_weights - self.learning_rate",
                "self.input_to_hidden_weights + self.learning_rate",
            ),
            "Only the biases and the hidden-to-output weights go up": (
                "error = -(y - self.hidden_to_output_weights * h)",
                "error = y - self.hidden_to_output_weights * h\n        x = -x",
            ),
            "Only the hidden-to-output weights change by the whole gradient": (
                "self.learning_rate * (h * error).T",
                "(h * error).T",
            ),
            "float(z))): a function of one number": (
                "np.vectorize(lambda x: max(0, x))",
                "lambda z: max(0, float(z))",
            ),
        },
    ),
    "Only the weights to the output change": """
def solution(network, x1, x2, y):  # the starting code of chapter 2
    x = np.array([[x1], [x2]])
    a1 = np.maximum(0, network.input_to_hidden_weights @ x + network.biases)
    delta2 = network.hidden_to_output_weights @ a1 - y
    slopes_w2 = delta2 @ a1.T
    network.hidden_to_output_weights = network.hidden_to_output_weights - network.learning_rate * slopes_w2
""",
    "The weights to the output change before": ARRAYS.replace(
        "        delta = ",
        "        self.hidden_to_output_weights -= self.learning_rate * delta_out @ h.T\n        delta = ",
    ).replace("        self.hidden_to_output_weights -= self.learning_rate * grad_out\n", ""),
}
VECTORS = """
def solution(net, a, b):
    h = np.asarray(net.input_to_hidden_weights) @ [a, b] + np.asarray(net.biases)[:, 0]
    return np.asarray(net.hidden_to_output_weights)[0] @ h.clip(min=0)
"""
PREDICT = [ARRAYS, MATRICES, VECTORS, f"{ARRAYS}\nsolution = solution().predict"]
PREDICT_WRONG = edited(
    ARRAYS,
    {
        "The forward pass has no bias": ("@ x + self.biases", "@ x"),
        "The hidden layer has no activation function": ("np.maximum(z, 0)", "z"),
        "The bias is added after the activation": (
            "@ x + self.biases\n        h = np.maximum(z, 0)",
            "@ x\n        h = np.maximum(z, 0) + self.biases",
        ),
        "The output layer has ReLU": ("out.item()", "max(0, out.item())"),
        "The result is the hidden layer": ("out.item()", "h"),
        "the hidden values are only added up": ("out.item()", "h.sum()"),
        "The result is rounded": ("out.item()", "round(out.item())"),
        "The result is only a sign": ("out.item()", "np.sign(out)"),
        "take the one element out of a 1x1 array": ("out.item()", "max(0, float(out))"),
        "nothing adds the products up": (
            "out = self.hidden_to_output_weights @ h",
            "out = self.hidden_to_output_weights * h.T\n        return out",
        ),
        "their rows and columns get mixed": (
            "self.input_to_hidden_weights @ x",
            "self.input_to_hidden_weights.reshape(2, 3).T @ x",
        ),
        "The network's own weights are not used": (
            "def predict(self, x1, x2):",
            "def predict(self, x1, x2):\n        self = type(self)()",
        ),
        "lacks its bias and its activation function": (
            "@ x + self.biases\n        h = np.maximum(z, 0)",
            "@ x\n        h = z",
        ),
        "predict(2, 1) with the starting weights gives 27, which is wrong: work this input out by hand": (
            "out.item()",
            "3 * out.item()",
        ),
        "returns None: did you forget return?": ("return out.item()", "print(out)"),
        "+ self.biases): two matrices do not fit for a product": (
            "self.input_to_hidden_weights @ x",
            "self.input_to_hidden_weights.T @ x",
        ),
    },
)

BATCHES = """
def solution(x_data, y_data, batch_size):
    n = int(len(x_data) / batch_size) * batch_size
    batches = []
    for i in range(0, n, batch_size):
        batches.append({
            'x': torch.tensor(x_data[i:i + batch_size], dtype=torch.float32),
            'y': torch.tensor(y_data[i:i + batch_size], dtype=torch.long),
        })
    return batches
"""
SPLIT = """
def solution(a, b, size):
    xs, ys = torch.tensor(a).split(size), torch.tensor(b).split(size)
    return [dict(x=x, y=y) for x, y in zip(xs, ys) if len(x) == size]
"""
BATCHIFY = [
    BATCHES,
    BATCHES.replace("y_data[i:i + batch_size]", "[y_data[0][i:i + batch_size], y_data[1][i:i + batch_size]]"),
    SPLIT,
]
BATCHIFY_WRONG = {
    **edited(
        BATCHES,
        {
            "The last batch may be short": ("range(0, n, batch_size)", "range(0, len(x_data), batch_size)"),
            "A whole batch is missing at the end": (
                "(0, n, batch_size)",
                "(0, len(x_data) - batch_size, batch_size)",
            ),
            "The first batch is missing": ("range(0, n", "range(batch_size, n"),
            "Each batch lacks its last example": ("i + batch_size", "i + batch_size - 1"),
            "one example too many": ("i + batch_size", "i + batch_size + 1"),
            "each one example further on": ("(0, n, batch_size)", "(len(x_data) - batch_size + 1)"),
            "The batches start at 0, 1, 2": ("range(0, n, batch_size)", "range(n // batch_size)"),
            "return stands inside the loop": ("    return", "        return"),
            "the list is made anew": (
                "    for i in range(0, n, batch_size):",
                "    for i in range(0, n, batch_size):\n        batches = []",
            ),
            "The labels are not cut": ("y_data[i:i + batch_size]", "y_data"),
            'makes "x" torch.float64': ("torch.float32", "torch.float64"),
            'makes "y" torch.float32': ("torch.long", "torch.float32"),
            "of the keys 'images', 'y'": ("'x':", "'images':"),
            "puts a NumPy array": (
                "torch.tensor(x_data[i:i + batch_size], dtype=torch.float32)",
                "x_data[i:i + batch_size]",
            ),
            "returns None: did you forget return?": ("    return batches", ""),
            "The examples are shuffled": (
                "    n =",
                "    k = np.random.permutation(len(y_data))\n    x_data, y_data = x_data[k], y_data[k]\n    n =",
            ),
            "Images and labels no longer belong together": (
                "    n =",
                "    k = np.random.permutation(len(x_data))\n    x_data = x_data[k]\n    n =",
            ),
            'gives "x" of batch 0 the shape (4, 6): expected (4, 2, 3)': (
                "x_data[i:i + batch_size]",
                "x_data[i:i + batch_size].reshape(batch_size, -1)",
            ),
            "The remainder is dropped at the front": (
                "    batches = []",
                "    k = len(x_data) - n\n    x_data, y_data = x_data[k:], y_data[..., k:]\n    batches = []",
            ),
            "returns 2 batches: expected 3 whole ones.": ("range(0, n, batch_size)", "(0, batch_size)"),
            'puts wrong values into "x" of batch 0': (
                "x_data[i:i + batch_size]",
                "x_data[i:i + batch_size] / 256",
            ),
        },
    ),
    "makes a batch of a tuple": "def solution(x, y, n): return [(x[:n], y[:n])]",
    "a generator that is empty after one epoch": "def solution(x, y, n):\n    yield x[:n], y[:n]",
}

ACCURACY = [
    "def solution(predictions, y): return np.mean(np.equal(predictions.numpy(), y.numpy()))",
    "def solution(p, t): return (p == t).float().mean()",
    "def solution(p, t): return sum(int(a == b) for a, b in zip(p, t)) / len(t)",
]
ACCURACY_WRONG = {
    "is the number of right predictions": "def solution(p, y): return (p == y).sum()",
    "is a percentage": "def solution(p, y): return 100 * (p == y).float().mean().item()",
    "the share of wrong predictions": "def solution(p, y): return (p != y).float().mean()",
    "comparing whole tensors leaves 0 or 1": "def solution(p, y): return float(torch.equal(p, y))",
    "The mean is missing": "def solution(p, y): return np.equal(p.numpy(), y.numpy())",
    "return stands inside the loop": "def solution(p, y):\n    for a, b in zip(p, y): return float(a == b)",
    "divided by a fixed number": "def solution(p, y): return (p == y).sum() / 32",
    "argmax is taken of the predictions: they are": "def solution(p, y): return p.argmax(dim=1) == y",
    "compared with its one result": "def solution(p, y): return (p.argmax(dim=-1) == y).float().mean()",
    "has fewer axes than this line needs": "def solution(p, y): return (p == y).float().mean(dim=1)",
    "The result is rounded to 0 or 1": "def solution(p, y): return round((p == y).float().mean().item())",
    "says whether any prediction is right": "def solution(p, y): return bool((p == y).any())",
    "a mean squared distance": "def solution(p, y): return ((p - y) ** 2).float().mean()",
    "a mean distance": "def solution(p, y): return (p - y).abs().float().mean()",
    "Every result is 0": "def solution(p, y): return float(p is y)",
    "raised RuntimeError: mean(): could not infer output dtype": "def solution(p, y): return (p == y).mean()",
    "returns None: did you forget return?": "def solution(p, y): (p == y).float().mean()",
}

FLATTEN = [
    "class solution(nn.Module):\n    def forward(self, input):\n        return input.view(input.size(0), -1)",
    "solution = nn.Flatten()",
    "def solution(t): return torch.stack([image.reshape(-1) for image in t])",
    "def solution(t):\n    n, c, h, w = t.shape\n    return t.reshape(n, c * h * w)",
]
FLATTEN_WRONG = {
    "All images end in one long row": "def solution(t): return t.view(-1)",
    "All images end in one row of a matrix": "def solution(t): return t.view(1, -1)",
    "Rows and columns are swapped": "def solution(t): return t.reshape(-1, t.size(0))",
    "Negative values become 0": "def solution(t): return t.flatten(1).relu()",
    "The result is transposed": "def solution(t): return t.flatten(1).T",
    "It works for one size of image only": "def solution(t): return t.view(-1, 784)",
    "The axis of the channels is left": "def solution(t): return t.flatten(2)",
    "in another order": "def solution(t): return t.transpose(1, -1).reshape(len(t), -1)",
    "mix pixels of several images": "def solution(t): return t.transpose(0, 1).reshape(len(t), -1)",
    "Only the axes of length 1 are gone": "solution = torch.squeeze",
    "cuts the gradient off": "def solution(t): return torch.tensor(t.detach().numpy()).flatten(1)",
    "come back as they are": "def solution(t): return t",
    "returns a NumPy array: expected a tensor": "def solution(t): return t.detach().numpy().reshape(len(t), -1)",
}

LAYERS = """
solution = [
    nn.Conv2d(1, 32, (3, 3)), nn.ReLU(), nn.MaxPool2d((2, 2)),
    nn.Conv2d(32, 64, (3, 3)), nn.ReLU(), nn.MaxPool2d((2, 2)),
    nn.Flatten(), nn.Linear(1600, 128), nn.Dropout(0.5), nn.Linear(128, 10),
]
"""
FUNCTIONAL = """
class solution(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Conv2d(1, 32, 3), nn.Conv2d(32, 64, 3)
        self.hidden, self.last = nn.Linear(64 * 5 * 5, 128), nn.Linear(128, 10)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.first(x)), 2)
        x = F.relu(F.max_pool2d(self.second(x), 2)).view(-1, 1600)
        return self.last(F.dropout(F.relu(self.hidden(x)), training=self.training))
"""
BY_HAND = (  # of tensors' own operations: the first convolution is called twice
    FUNCTIONAL.replace("F.relu(self.first(x))", "torch.where(self.first(x) > 0, self.first(x), 0.0)")
    .replace("self.second(x)", "(h := self.second(x)) * (h > 0)")
    .replace("F.max_pool2d(torch", "self.largest(torch")
    .replace(", 0.0), 2)", ", 0.0))")
    .replace(
        "    def forward",
        "    def largest(self, x):\n"
        "        return x.unfold(2, 2, 2).unfold(3, 2, 2).amax((-2, -1))\n\n    def forward",
    )
)
MASKED = (  # matrix products and dropout by hand
    FUNCTIONAL.replace("self.hidden(x)", "torch.einsum('ni,oi->no', x, self.hidden.weight) + self.hidden.bias")
    .replace("self.last(F.dropout(", "(self.last.weight @ self.masked(")
    .replace(", training=self.training))", ").T).T + self.last.bias")
    .replace(
        "    def forward",
        "    def masked(self, h):\n"
        "        return h * (torch.rand_like(h) > 0.5) / 0.5 if self.training else h\n\n    def forward",
    )
)
CNN = [LAYERS, FUNCTIONAL, f"{LAYERS}\nsolution = nn.Sequential(*solution)", BY_HAND, MASKED]
CNN.append(LAYERS.replace("nn.ReLU()", "nn.ReLU(inplace=True)"))
CNN_WRONG = {
    **edited(
        LAYERS,
        {
            "is made for 1152 inputs": ("Linear(1600", "Linear(1152"),
            "each image must be one row by then": ("nn.Flatten(), ", ""),
            "Two fully connected layers do not fit": ("Linear(128, 10)", "Linear(64, 10)"),
            "made for 64 channels and gets 32": ("Conv2d(32, 64", "Conv2d(64, 64"),
            "ends in a softmax": ("Linear(128, 10)", "Linear(128, 10), nn.Softmax(dim=1)"),
            "ends in a log-softmax": ("Linear(128, 10)", "Linear(128, 10), nn.LogSoftmax(dim=0)"),
            "leaves pixels or channels out": ("Conv2d(32, 64, (3, 3)", "Conv2d(32, 64, (3, 3), groups=32"),
            "Something besides the layers of the exercise": (
                "nn.Linear(128, 10)",
                "nn.BatchNorm1d(128), nn.Linear(128, 10)",
            ),
            "Something else than ReLU and a max pooling": ("64, (3, 3)), ", "64, (3, 3)), nn.BatchNorm2d(64), "),
            "the second convolution is not ReLU: it turns -1 into -0.6321": (
                "64, (3, 3)), nn.ReLU()",
                "64, (3, 3)), nn.ELU()",
            ),
            "first convolution is not ReLU: it turns 30 into 6": (
                "32, (3, 3)), nn.ReLU()",
                "32, (3, 3)), nn.ReLU6()",
            ),
            "it turns 30 into 3.": ("64, (3, 3)), nn.ReLU()", "64, (3, 3)), nn.Hardtanh(0, 3)"),
            "it turns -1 into 0.3679": (
                "64, (3, 3)), nn.ReLU()",
                "64, (3, 3)), type('', (nn.Module,), {'forward': lambda self, x: x.exp()})()",
            ),
            "it turns -1 into -0.2292": ("64, (3, 3)), nn.ReLU()", "64, (3, 3)), nn.RReLU()"),
            "it turns -1 into -0.5": ("64, (3, 3)), nn.ReLU()", "64, (3, 3)), nn.Softshrink()"),
            "A layer has no bias": ("Linear(128, 10)", "Linear(128, 10, bias=False)"),
            "Another kind of dropout": ("nn.Dropout(", "nn.AlphaDropout("),
            "The dropout is one for maps": ("nn.Dropout(", "nn.Dropout2d("),
            "ends in an activation function": ("Linear(128, 10)", "Linear(128, 10), nn.ReLU()"),
            "The second convolution has no activation": ("64, (3, 3)), nn.ReLU()", "64, (3, 3))"),
            "The second convolution has no pooling": (
                "nn.MaxPool2d((2, 2)),\n    nn.Flatten(), nn.Linear(1600",
                "nn.Flatten(), nn.Linear(7744",
            ),
            "There is no dropout": ("nn.Dropout(0.5), ", ""),
            "Dropout has a rate of 0.25": ("Dropout(0.5)", "Dropout(0.25)"),
            "Dropout stands at another place": (
                "nn.Linear(1600, 128), nn.Dropout(0.5)",
                "nn.Dropout(0.5), nn.Linear(1600, 128)",
            ),
            "kernel of 5x5": ("64, (3, 3)), nn.ReLU()", "64, (5, 5), padding=1), nn.ReLU()"),
            "A convolution is padded": (
                "64, (3, 3)), nn.ReLU(), nn.MaxPool2d((2, 2)),\n    nn.Flatten(), nn.Linear(1600",
                "64, (3, 3), padding=1), nn.ReLU(), nn.MaxPool2d((2, 2)),\n    nn.Flatten(), nn.Linear(2304",
            ),
            "The convolutions have 16 and 64 filters": (
                "Conv2d(1, 32, (3, 3)), nn.ReLU(), nn.MaxPool2d((2, 2)),\n    nn.Conv2d(32",
                "Conv2d(1, 16, (3, 3)), nn.ReLU(), nn.MaxPool2d((2, 2)),\n    nn.Conv2d(16",
            ),
            "has 64 units": ("128", "64"),
            "hidden layer is missing": (
                "nn.Linear(1600, 128), nn.Dropout(0.5), nn.Linear(128",
                "nn.Dropout(0.5), nn.Linear(1600",
            ),
            "The pooling takes means": ("MaxPool2d", "AvgPool2d"),
            "has 9 scores for each image": ("Linear(128, 10)", "Linear(128, 9)"),
            "There is one convolution only": (
                "nn.Conv2d(32, 64, (3, 3)), nn.ReLU(), nn.MaxPool2d((2, 2)),\n    nn.Flatten(), nn.Linear(1600",
                "nn.Flatten(), nn.Linear(5408",
            ),
        },
    ),
    **edited(
        FUNCTIONAL,
        {
            "Dropout acts in evaluation too": (", training=self.training", ""),
            "The optimizer would not see all layers": (
                "forward(self, x):",
                "forward(self, x):\n        self.hidden, self.last = self.layers",
            ),
            "does not fit the maps": ("view(-1, 1600)", "view(-1, 1152)"),
            "The network returns 12 rows for 3 images": (
                "view(-1, 1600)\n",
                "view(-1, 400).repeat(1, 4)\n",
            ),
            "The layer first is made and never used": ("self.first(x)", "F.conv2d(x, self.extra)"),
            "forward returns None": ("return self.last", "self.last"),
            "The gradient does not reach the layer first": ("self.second(x)", "self.second(x.detach())"),
        },
    ),
    **edited(
        MASKED,
        {
            "wrong scale": (" / 0.5", ""),
        },
    ),
    "The network is an int": "solution = 3",
    "has the shape (3, 1, 28, 28)": "class solution(nn.Module):\n    def forward(self, x): return x",
    "raised NameError: name 'Flatten' is not defined at line": "def solution(): return [Flatten()]",
}
CNN_WRONG["The optimizer would not see all layers"] = (
    CNN_WRONG["The optimizer would not see all layers"]
    .replace("self.hidden, self.last = nn", "self.layers = [nn")
    .replace("Linear(128, 10)\n", "Linear(128, 10), nn.Dropout()]\n")
    .replace("self.hidden, self.last = self", "hidden, last, dropout = self")
    .replace("self.last(F.dropout(F.relu(self.hidden(x)), training=self.training))", "last(dropout(hidden(x)))")
)
CNN_WRONG["The layer first is made and never used"] = CNN_WRONG["The layer first is made and never used"].replace(
    "        self.hidden,", "        self.extra = nn.Parameter(torch.rand(32, 1, 3, 3))\n        self.hidden,"
)

HEADS = """
class solution(nn.Module):
    def __init__(self, input_dimension):
        super().__init__()
        self.flatten = nn.Flatten()
        self.hidden = nn.Linear(input_dimension, 64)
        self.upper = nn.Linear(64, 10)
        self.lower = nn.Linear(64, 10)

    def forward(self, x):
        features = torch.relu(self.hidden(self.flatten(x)))
        return self.upper(features), self.lower(features)
"""
SLICES = """
class solution(nn.Module):
    def __init__(self, size):
        super().__init__()
        self.layers = nn.Sequential(nn.Flatten(), nn.Linear(size, 128), nn.Tanh(), nn.Linear(128, 20))

    def forward(self, x):
        scores = self.layers(x)
        return [scores[:, :10], scores[:, 10:]]
"""
RETURNS = "return self.upper(features), self.lower(features)"
TWO_HEADED_MLP = [
    HEADS,
    SLICES,
    HEADS.replace("64", "10"),
    HEADS.replace("torch.relu(", "F.hardtanh("),  # which is linear for the values of these images
    HEADS.replace("self.hidden(self.flatten(x))", "(self.hidden.weight @ x.flatten(1).T).T + self.hidden.bias"),
    HEADS.replace(
        "torch.relu(self.hidden(self.flatten(x)))",
        "self.hidden(x.flatten(1))\n        features = features * (features > 0)",
    ),
]
TWO_HEADED_MLP_WRONG = {
    **edited(
        HEADS,
        {
            "The network has one output": (RETURNS, "return self.upper(features)"),
            "Both digits come in one tensor": (
                RETURNS,
                "return torch.cat([self.upper(features), self.lower(features)], 1)",
            ),
            "Both outputs are the same": ("self.lower(features)", "self.upper(features)"),
            "ends in a softmax": ("self.lower(features)", "F.softmax(self.lower(features), dim=0)"),
            "The network returns digits": (
                RETURNS,
                "return self.upper(features).argmax(1), self.lower(features).argmax(1)",
            ),
            "A head has no activation function": (
                "torch.relu(self.hidden(self.flatten(x)))",
                "self.hidden(self.flatten(x))",
            ),
            "A fully connected layer gets images in another shape": ("self.flatten(x)", "x"),
            "change with its place in the batch": ("self.flatten(x)", "x.reshape(42 * 28, -1).T"),
            "is made for 784 inputs": ("input_dimension, 64", "28 * 28, 64"),
            "has 9 scores": ("self.upper = nn.Linear(64, 10)", "self.upper = nn.Linear(64, 9)"),
            "The layer lower is made and never used": (
                RETURNS,
                "return self.upper(features), self.upper(features) + 1",
            ),
            "The optimizer would not see all layers": (
                "self.lower = nn.Linear(64, 10)",
                "self.heads = [nn.Linear(64, 10)]\n        self.lower = lambda x: self.heads[0](x)",
            ),
            "The network returns 3 tensors": (
                RETURNS,
                "return self.upper(features), self.lower(features), features",
            ),
            "ends in an activation function": ("self.lower(features)", "F.relu(self.lower(features))"),
            "forward returns None": (RETURNS, "self.upper(features)"),
            "Two hidden layers have no activation": (
                "self.hidden(self.flatten(x))",
                "self.second(self.hidden(self.flatten(x)))",
            ),
            "There is a convolution": ("self.flatten(x)", "self.flatten(F.conv2d(x, self.kernel, padding=1))"),
        },
    ),
    "One head reads the scores of the other: both": HEADS.replace(
        "self.lower(features)", "self.lower(F.pad(torch.relu(self.upper(features)), (0, 54)))"
    ),
    **edited(SLICES, {"share some scores": ("scores[:, 10:]", "scores[:, 9:19]")}),
    "The network raised AttributeError": HEADS.replace("super().__init__()", "pass"),
    "A head reads the pixels directly": """
class solution(nn.Module):
    def __init__(self, n):
        super().__init__()
        self.a, self.b = nn.Linear(n, 10), nn.Linear(n, 10)

    def forward(self, x):
        return self.a(x.flatten(1)), self.b(x.flatten(1))
""",
}
TWO_HEADED_MLP_WRONG["There is a convolution"] = TWO_HEADED_MLP_WRONG["There is a convolution"].replace(
    "        self.upper =", "        self.kernel = nn.Parameter(torch.rand(1, 1, 3, 3))\n        self.upper ="
)
TWO_HEADED_MLP_WRONG["Two hidden layers have no activation"] = TWO_HEADED_MLP_WRONG[
    "Two hidden layers have no activation"
].replace("        self.upper =", "        self.second = nn.Linear(64, 64)\n        self.upper =")

MAPS = """
class solution(nn.Module):
    def __init__(self, input_dimension):
        super().__init__()
        self.conv = nn.Conv2d(1, 32, (5, 5))
        self.upper = nn.Linear(32 * 19 * 12, 10)
        self.lower = nn.Linear(32 * 19 * 12, 10)
        self.dropout = nn.Dropout(0.5)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv(x)), 2)
        x = self.dropout(x).flatten(1)
        return self.upper(x), self.lower(x)
"""
HALVES = """
class solution(nn.Module):
    def __init__(self, input_dimension):
        super().__init__()
        def half():
            return nn.Sequential(
                nn.Conv2d(1, 8, 3, padding=1), nn.BatchNorm2d(8), nn.LeakyReLU(), nn.MaxPool2d(2),
                nn.Conv2d(8, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
                nn.Linear(16 * 7 * 7, 64), nn.ReLU(), nn.Linear(64, 10))
        self.upper, self.lower = half(), half()

    def forward(self, x):
        return self.upper(x[:, :, :28]), self.lower(x[:, :, 14:])
"""
POOLED = """
class solution(nn.Module):
    def __init__(self, input_dimension):
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(1, 16, 5), nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d(2))
        self.upper, self.lower = nn.Conv2d(16, 10, 1), nn.Conv2d(16, 10, 1)

    def forward(self, x):
        x = self.features(x)
        return self.upper(x).mean((2, 3)), F.adaptive_avg_pool2d(self.lower(x), 1).flatten(1)
"""
TWO_HEADED_CNN = [MAPS, HALVES, POOLED, POOLED.replace("BatchNorm2d", "InstanceNorm2d")]
TWO_HEADED_CNN_WRONG = {
    **edited(
        MAPS,
        {
            "The network has one output": ("return self.upper(x), self.lower(x)", "return self.upper(x)"),
            "Both outputs are the same": ("self.lower(x)", "self.upper(x)"),
            "ends in a softmax": (
                "self.upper(x), self.lower(x)",
                "self.upper(x).softmax(1), self.lower(x).softmax(1)",
            ),
            "is made for 5408 inputs": ("32 * 19 * 12", "32 * 13 * 13"),
            "A fully connected layer gets maps in another shape": (".flatten(1)", ".reshape(-1)"),
            "change with its place in the batch": (".flatten(1)", ".transpose(0, 1).reshape(len(x), -1)"),
            "made for 3 channels and gets 1": ("Conv2d(1, 32", "Conv2d(3, 32"),
            "Dropout acts in evaluation too": ("self.dropout(x)", "F.dropout(x)"),
            "Both digits come in one tensor of shape (3, 2, 10)": (
                "return self.upper(x), self.lower(x)",
                "return torch.stack([self.upper(x), self.lower(x)], 1)",
            ),
            "The layer lower is made and never used": ("self.lower(x)", "self.upper(x) * 2"),
        },
    ),
    "A convolution has no activation function after it.": POOLED.replace("nn.ReLU(), ", ""),
    "There is no convolution": HEADS,
}

RIGHT = {
    "relu": RELU,
    "relu_derivative": RELU_DERIVATIVE,
    "train_step": TRAIN_STEP,
    "predict": PREDICT,
    "batchify": BATCHIFY,
    "accuracy": ACCURACY,
    "flatten": FLATTEN,
    "cnn": CNN,
    "two_headed_mlp": TWO_HEADED_MLP,
    "two_headed_cnn": TWO_HEADED_CNN,
}
WRONG = {
    "relu": RELU_WRONG,
    "relu_derivative": RELU_DERIVATIVE_WRONG,
    "train_step": TRAIN_STEP_WRONG,
    "predict": PREDICT_WRONG,
    "batchify": BATCHIFY_WRONG,
    "accuracy": ACCURACY_WRONG,
    "flatten": FLATTEN_WRONG,
    "cnn": CNN_WRONG,
    "two_headed_mlp": TWO_HEADED_MLP_WRONG,
    "two_headed_cnn": TWO_HEADED_CNN_WRONG,
}
