"""A Sphinx extension: an answer is closed until a reader opens it.

Chapters mark answers by the class `dropdown`, which JupyterLab knows. Sphinx closes by an option of its own.
"""

from docutils import nodes
from sphinx.application import Sphinx


def close_answers(app: Sphinx, page: nodes.document) -> None:
    """Close the admonitions of class `dropdown`."""
    for box in page.findall(nodes.admonition):
        if "dropdown" in box["classes"]:
            box["collapsible"] = "closed"


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect the above."""
    app.connect("doctree-read", close_answers)
    return {"parallel_read_safe": True}
