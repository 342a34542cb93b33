"""The base class of all parts of a recipe: frozen dataclasses with checked types, convertible to and from JSON."""

import dataclasses
import functools
import math
import types
import typing
import warnings
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Self

from zoo.errors import ZooError, ZooWarning, shown, unknown

MAX_FLOAT32 = 3.4028235e38
MIN_NORMAL_FLOAT32 = 1.1754944e-38  # XLA flushes denormal numbers to 0
LARGEST_INT = 2**31 - 1

P = typing.TypeVar("P", bound="Part")


@dataclasses.dataclass(frozen=True)
class Part:
    """A part of a recipe. Subclasses are frozen dataclasses and override `validate`.

    A subclass created with `abstract=True` is a base class only, for example of all losses, and cannot be named in a
    recipe.

    Attributes:
      kinds: all concrete subclasses by name.
      default_sources: the provenance of the defaults of some fields, by name, so that recipes that use a default need
        not state it.
      earlier_names: the current name of each renamed field by its earlier name, see `renamed`.
    """

    kinds: ClassVar[dict[str, type["Part"]]] = {}
    default_sources: ClassVar[Mapping[str, str]] = {}
    earlier_names: ClassVar[Mapping[str, str]] = {}

    def __init_subclass__(cls, abstract: bool = False, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if abstract:
            return
        known = Part.kinds.setdefault(cls.__name__, cls)
        if known.__module__ != cls.__module__:
            raise ZooError(f"{cls.__module__}.{cls.__name__}: {known.__module__} already has a part of that name")
        Part.kinds[cls.__name__] = cls

    def __post_init__(self) -> None:
        for name, hint in field_types(type(self)).items():
            value = getattr(self, name)
            try:
                object.__setattr__(self, name, conform(value, hint))
            except (TypeError, RecursionError):
                raise ZooError(f"{type(self).__name__}.{name} must be {describe(hint)}, not {shown(value)}") from None
            check_values(f"{type(self).__name__}.{name}", getattr(self, name))
        self.validate()

    def validate(self) -> None:
        """Raises `ZooError` if a field is out of range or fields contradict each other."""

    def require(self, condition: bool, name: str, rule: str) -> None:
        """Raises `ZooError` naming the field, the rule and the value, unless `condition` holds."""
        if not condition:
            raise ZooError(f"{type(self).__name__}.{name} must be {rule}, not {shown(getattr(self, name))}")

    def default_source(self, name: str) -> str | None:
        """Returns the provenance of a field's default; None if the field has another value, or none is stated."""
        if name not in self.default_sources:
            return None
        (field,) = (field for field in dataclasses.fields(self) if field.name == name)
        return self.default_sources[name] if getattr(self, name) == default_of(field) else None

    def __reduce__(self) -> tuple[Any, ...]:  # read-only views of mappings cannot be pickled
        return Part.from_json, (self.to_json(),)

    def to_json(self) -> dict[str, Any]:
        """Returns the part as dictionaries, lists and scalars; `from_json` is the inverse."""
        values = {field.name: _encode(getattr(self, field.name)) for field in dataclasses.fields(self)}
        return {"kind": type(self).__name__, **values}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Builds a part from the output of `to_json`.

        Raises:
          ZooError: a kind or field is unknown, or a value is of the wrong type or out of range.
        """
        try:
            part = _decode(data)
        except RecursionError:
            raise ZooError(f"a {cls.__name__} is nested too deeply") from None
        if not isinstance(part, cls):
            raise ZooError(f"expected a {cls.__name__}, got {shown(data)}")
        return part


def renamed(**earlier_names: str) -> Callable[[type[P]], type[P]]:
    """Class decorator that keeps the earlier names of a part's fields working: `@renamed(earlier="current")`.

    An earlier name is accepted by the constructor, in overrides and as an attribute, each with a `ZooWarning`, and
    silently in the JSON of earlier runs. Fingerprints are computed with the earlier name, so that they do not change.
    """

    def decorate(cls: type[P]) -> type[P]:
        initialize = cls.__init__

        @functools.wraps(initialize)
        def __init__(self: P, *values: Any, **fields: Any) -> None:
            for earlier in earlier_names.keys() & fields.keys():
                current = earlier_names[earlier]
                warn_renamed(f"{cls.__name__}.{earlier}", current)
                if current in fields:
                    raise ZooError(f"{cls.__name__}: {earlier} is the earlier name of {current}; give one of them")
                fields[current] = fields.pop(earlier)
            initialize(self, *values, **fields)

        cls.__init__ = __init__  # type: ignore[assignment]
        cls.earlier_names = earlier_names
        for earlier, current in earlier_names.items():
            setattr(cls, earlier, property(functools.partial(_read_renamed, earlier=earlier, current=current)))
        return cls

    return decorate


def _read_renamed(part, earlier, current):
    warn_renamed(f"{type(part).__name__}.{earlier}", current)
    return getattr(part, current)


def warn_renamed(earlier: str, current: str) -> None:
    """Warns that a field was given by its earlier name."""
    warnings.warn(f"{earlier} is called {current} now; the earlier name will be removed", ZooWarning, stacklevel=3)


def default_of(field: dataclasses.Field[Any]) -> Any:
    """Returns the default of a part's field; `dataclasses.MISSING` if it has none."""
    return field.default if field.default_factory is dataclasses.MISSING else field.default_factory()


def field_types(cls: type[Part]) -> dict[str, Any]:
    """Returns the type of each field of a part by name."""
    return _field_types(cls)  # type: ignore[arg-type]  # mypy: a class whose instances have __hash__ has none itself


@functools.cache
def _field_types(cls: type[Part]) -> dict[str, Any]:
    hints = typing.get_type_hints(cls)
    return {field.name: hints[field.name] for field in dataclasses.fields(cls)}


def conform(value: Any, hint: Any) -> Any:
    """Returns `value` as the type `hint`. Ints are converted to floats and lists to tuples; nothing else is converted.

    Raises:
      TypeError: the value is not of that type.
    """
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if hint is Any:  # JSON has no tuples, so lists are tuples throughout
        return tuple(value) if isinstance(value, list) else value
    if origin in (typing.Union, types.UnionType):
        for option in arguments:
            try:
                return conform(value, option)
            except TypeError:
                continue
        raise TypeError
    if origin is tuple:
        if not isinstance(value, tuple | list):
            raise TypeError
        if arguments[1:] == (...,):
            return tuple(conform(item, arguments[0]) for item in value)
        if len(value) != len(arguments):
            raise TypeError
        return tuple(conform(item, option) for item, option in zip(value, arguments, strict=True))
    if origin is Mapping:
        if not isinstance(value, Mapping):
            raise TypeError
        return types.MappingProxyType({str(key): conform(item, arguments[1]) for key, item in value.items()})
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        try:
            return float(value)
        except OverflowError:
            return math.inf if value > 0 else -math.inf
    if (isinstance(value, bool) and hint is int) or not isinstance(value, hint):
        raise TypeError
    return value


def check_values(name: str, value: Any) -> None:
    """Checks that a value, at any depth, can be represented in float32 or int32 and in JSON.

    In float32, 1e39 is infinity and 1e-39 is 0; functions and other objects cannot be saved.

    Args:
      name: the name of the value in error messages.
      value: a scalar, string, part, or nested mappings and tuples of these.

    Raises:
      ZooError: a value cannot be represented.
    """
    try:
        for each in _leaves(value):
            if isinstance(each, float) and each and not (MIN_NORMAL_FLOAT32 <= abs(each) <= MAX_FLOAT32):
                raise ZooError(f"{name} must be a number from 1.2e-38 to 3.4e38, or 0, not {shown(each)}")
            if isinstance(each, int) and abs(each) > LARGEST_INT:
                raise ZooError(f"{name} must be an integer of at most {LARGEST_INT:,}, not {shown(each)}")
            if not isinstance(each, str | int | float | Part | None):
                raise ZooError(f"{name} must consist of numbers, strings, lists and mappings, not {shown(each)}")
    except RecursionError:
        raise ZooError(f"{name} is nested too deeply") from None


def _leaves(value):
    """Yields the leaves of nested mappings and tuples, including keys."""
    if isinstance(value, Mapping):
        value = (*value.keys(), *value.values())
    if isinstance(value, tuple | list):
        for item in value:
            yield from _leaves(item)
    else:
        yield value


WORDS = {float: "a number", int: "an integer", str: "a string", bool: "true or false", type(None): "None"}
PLURALS = {float: "numbers", int: "integers", str: "strings"}


def describe(hint: Any) -> str:
    """Returns a description of a type for error messages, such as "an integer or None"."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return " or ".join(describe(option) for option in arguments)
    if origin is tuple:
        return f"a list of {PLURALS.get(arguments[0], describe(arguments[0]))}"
    if origin is Mapping:
        return "a mapping"
    if hint in WORDS:
        return WORDS[hint]
    options = [name for name, kind in Part.kinds.items() if issubclass(kind, hint)]
    return f"one of {', '.join(options)}" if len(options) > 1 else f"a {hint.__name__}"


def _encode(value):
    if isinstance(value, Part):
        return value.to_json()
    if isinstance(value, Mapping):
        return {key: _encode(item) for key, item in value.items()}
    return [_encode(item) for item in value] if isinstance(value, tuple) else value


def _decode(data):
    if isinstance(data, Mapping) and "kind" in data:
        fields = {name: _decode(item) for name, item in data.items() if name != "kind"}
        for earlier, current in _earlier_names(data["kind"]).items():  # in the JSON of earlier runs
            if earlier in fields and current not in fields:
                fields[current] = fields.pop(earlier)
        return build(data["kind"], fields)
    if isinstance(data, Mapping):
        return {key: _decode(item) for key, item in data.items()}
    return tuple(_decode(item) for item in data) if isinstance(data, list) else data


def _earlier_names(kind):
    return Part.kinds[kind].earlier_names if isinstance(kind, str) and kind in Part.kinds else {}


def build(kind: str, fields: Mapping[str, Any], *values: Any) -> Part:
    """Builds a part from the name of its class.

    Args:
      kind: the name of the class.
      fields: the values of fields by name.
      *values: the values of the first fields by position.

    Raises:
      ZooError: there is no such part or field, a required field is missing, or a value is invalid.
    """
    if not isinstance(kind, str):
        raise ZooError(f"the kind of a part must be a string, not {shown(kind)}")
    if kind not in Part.kinds:
        raise ZooError(f"{unknown('part of a recipe', kind, Part.kinds)}; import the file of a custom part first")
    cls = Part.kinds[kind]
    first = [field.name for field in dataclasses.fields(cls)][: len(values)]
    if len(first) < len(values) or fields.keys() & set(first):
        raise ZooError(f"{kind}: too many values, or a field given twice; its fields are {', '.join(field_types(cls))}")
    fields = {**dict(zip(first, values, strict=True)), **fields}
    for name in fields:
        if name not in field_types(cls) and name not in cls.earlier_names:
            raise unknown(f"field of {kind}", str(name), field_types(cls))
    required = [
        field.name
        for field in dataclasses.fields(cls)
        if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
    ]
    for name in required:
        if name not in fields and not any(cls.earlier_names.get(earlier) == name for earlier in fields):
            raise ZooError(f"{kind} requires {', '.join(required)}: {name} is missing")
    return cls(**fields)
