"""A reference CNN model zoo whose training recipes are verified."""

from zoo.errors import ZooError
from zoo.models.registry import create_model, list_models
from zoo.summary import summarize

__all__ = ["ZooError", "create_model", "list_models", "summarize"]
