"""The recipes as a scikit-learn estimator; PyTorch is loaded when it is first fitted."""

from digitscope.estimator.classifier import DigitClassifier

__all__ = ["DigitClassifier"]
