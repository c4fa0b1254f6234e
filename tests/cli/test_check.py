import json
from pathlib import Path

from tests.cli.helpers import Command, assert_one_line

NEURAL_NETS = """
import numpy as np
from helper import slope

def rectified_linear_unit(x):
    return max(0, x)

def rectified_linear_unit_derivative(x):
    return slope(x)

class NeuralNetwork:
    def predict(self, x1, x2):
        while True:
            pass

print("trained")
"""
RIGHT = "def relu(x): return max(0, x)\ndef helper(x): return x\naccuracy = 0.5\n"


def test_the_exercises_of_a_file_get_a_line_each(digitscope: Command, desk: Path) -> None:
    (desk / "neural_nets.py").write_text(NEURAL_NETS)
    (desk / "helper.py").write_text("def slope(x): return 1 if x >= 0 else 0\ndef relu(x): return 0\n")
    code, out, err = digitscope("check", "neural_nets.py", "--missing", "--timeout", "20")
    assert (code, err) == (1, [])
    lines = out.splitlines()
    assert lines[0] == "rectified_linear_unit: Right."
    assert lines[1].startswith("rectified_linear_unit_derivative: Only the value at 0 is wrong")
    assert lines[2].startswith(
        "NeuralNetwork.predict: predict(2, 1)"
    )  # no weights, so it does not come to the loop
    assert lines[3] == "train_step: not found as train_step or NeuralNetwork.train"
    assert len(lines) == 10


def test_all_right_ends_with_0_and_json_names_what_is_missing(digitscope: Command, desk: Path) -> None:
    (desk / "random.py").write_text(RIGHT)  # a name that Python has too
    code, out, _ = digitscope("check", "random.py", "--json")
    told = json.loads(out)
    assert code == 0
    assert told["exercises"] == [{"exercise": "relu", "name": "relu", "ok": True, "message": "Right."}]
    assert told["file"] == "random.py"
    assert len(told["missing"]) == 9


def test_a_loop_and_an_end_of_python_are_a_line_and_the_rest_is_checked(digitscope: Command, desk: Path) -> None:
    ends = "import os, sys\ndef relu(x):\n    while True: pass\n"
    ends += "def relu_derivative(x): os._exit(0)\ndef predict(network, x1, x2):\n    sys.exit()\n"
    (desk / "ends.py").write_text(ends)
    code, out, err = digitscope("check", "ends.py", "--timeout", "5")
    assert (code, err) == (1, [])
    loop, exits, system = out.splitlines()
    assert loop == "relu: It takes more than 5 s: look for a loop that never ends, or raise --timeout."
    assert exits.startswith("relu_derivative: It ends Python itself")
    assert system.startswith(
        "predict: predict(2, 1) with the starting weights called sys.exit at line 6 (sys.exit())"
    )


def test_the_cells_of_a_notebook_are_checked_without_magics(digitscope: Command, desk: Path) -> None:
    cells = [
        ("markdown", "# relu"),
        ("code", "%matplotlib inline\n!pip install numpy\nfiles = !ls\nimport numpy as np\nnp.dot?\ndisplay(1)"),
        ("code", "%%bash\nrm relu"),
        ("code", '%%time\ntext = """\n%d"""\ndef relu(x):\n    return max(0, x)'),
        (
            "code",
            ["remainder = (7\n", "% 2)\n", "def relu_derivative(x):\n", "    return helper.gone + remainder"],
        ),
        ("code", "if True:\n    !ls\nimport helper\nassert (text, remainder) == ('\\n%d', 1)"),
    ]
    notebook = {"cells": [{"cell_type": kind, "source": source} for kind, source in cells]}
    (desk / "mine.ipynb").write_text(json.dumps(notebook))
    (desk / "helper.py").write_text("")
    code, out, err = digitscope("check", "mine.ipynb")
    right, wrong = out.splitlines()
    assert (code, err, right) == (1, [], "relu: Right.")
    assert "at line 4 (return helper.gone + remainder)" in wrong
    notebook["cells"].append({"cell_type": "code", "source": "x = 1\ny = 1 / 0"})
    files = {
        "fails.ipynb": (json.dumps(notebook), "fails.ipynb: cell 7, line 2: ZeroDivisionError: division by zero"),
        "cut.ipynb": (json.dumps(notebook)[:-9], "cut.ipynb: the notebook is damaged: open it in Jupyter"),
        "other.ipynb": ('{"cells": [3]}', "other.ipynb: the notebook is damaged"),
        "syntax.ipynb": (json.dumps(notebook).replace("(x)", "(x"), "syntax.ipynb: cell 4, line 4: SyntaxError:"),
    }
    for name, (source, line) in files.items():
        (desk / name).write_text(source)
        assert_one_line(digitscope("check", name), 1, line)


def test_the_network_that_the_course_s_main_makes_is_found(digitscope: Command, desk: Path) -> None:
    source = (
        "import torch.nn as nn\ndef main():\n    model = nn.Sequential(nn.Conv2d(1, 32, (3, 3)), nn.Flatten())\n"
    )
    (desk / "nnet_cnn.py").write_text(source)
    code, out, _ = digitscope("check", "nnet_cnn.py", "--timeout", "300")
    assert (code, out) == (
        1,
        "main.model: An output has 21632 scores for each image: it needs one score for each digit.\n",
    )


def test_a_file_that_cannot_be_checked_is_one_line(digitscope: Command, desk: Path) -> None:
    files = {
        "name.py": (
            "import numpy as np\n\nx = np.zeross(3)\n",
            "name.py: line 3: AttributeError: module 'numpy' has",
        ),
        "syntax.py": ("def relu(x)\n    return 3\n", "syntax.py: line 1: SyntaxError: expected ':'"),
        "exits.py": ("import sys\nsys.exit(3)\n", "exits.py: line 2: the file ends itself by sys.exit"),
        "none.py": ("x = 1\n", "none.py: no exercise found: expected one or more of relu, rectified_linear_unit,"),
        "notes.txt": ("relu\n", "notes.txt: not a file of Python"),
    }
    for name, (source, line) in files.items():
        (desk / name).write_text(source)
        assert_one_line(digitscope("check", name, "--timeout", "5"), 1, line)
    (desk / "loop.py").write_text("while True: pass\n")
    outcome = digitscope("check", "loop.py", "--timeout", "1")
    assert_one_line(outcome, 1, "loop.py: running the file takes more than 1 s")
    assert_one_line(digitscope("check", "nowhere.py"), 1, "nowhere.py: no such file")
    assert_one_line(digitscope("check"), 2, "required: FILE")
    assert_one_line(digitscope("check", "name.py", "--timeout", "0"), 2, "expected a whole number from 1")
