"""The base of everything in a recipe: frozen dataclasses whose field types are checked, to and from JSON."""

import dataclasses
import functools
import math
import types
import typing
from collections.abc import Mapping
from typing import Any, ClassVar, Self

from zoo.errors import ZooError, shown, unknown

LARGEST, SMALLEST = 3.4028235e38, 1.1754944e-38  # float32's, the latter not denormal: XLA takes smaller ones for 0
LARGEST_INT = 2**31 - 1


@dataclasses.dataclass(frozen=True)
class Part:
    """A piece of a recipe. Subclasses are frozen dataclasses; `validate` raises for values that make no sense.

    A subclass made with `abstract=True` only groups others, which then can stand wherever it is asked for.

    `default_sources` states where the defaults of some fields come from, by name, so that recipes that keep a default
    need not state it.
    """

    kinds: ClassVar[dict[str, type["Part"]]] = {}
    default_sources: ClassVar[Mapping[str, str]] = {}

    def __init_subclass__(cls, abstract: bool = False, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if abstract:
            return
        known = Part.kinds.setdefault(cls.__name__, cls)
        if known.__module__ != cls.__module__:
            raise ZooError(f"{cls.__module__}.{cls.__name__}: {known.__module__} has a part of that name already")
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
        """Raises `ZooError` if the fields contradict each other or are out of range."""

    def require(self, condition: bool, name: str, rule: str) -> None:
        """Raises `ZooError` naming the field, the rule and the value, unless `condition` holds."""
        if not condition:
            raise ZooError(f"{type(self).__name__}.{name} must be {rule}, not {shown(getattr(self, name))}")

    def default_source(self, name: str) -> str | None:
        """Where a field's default comes from; None if it has another value, or if `default_sources` does not say."""
        if name not in self.default_sources:
            return None
        (field,) = (field for field in dataclasses.fields(self) if field.name == name)
        return self.default_sources[name] if getattr(self, name) == default_of(field) else None

    def __reduce__(self) -> tuple[Any, ...]:  # mappings are read-only views, which cannot be pickled as they are
        return Part.from_json, (self.to_json(),)

    def to_json(self) -> dict[str, Any]:
        """Plain dictionaries, lists and scalars; `from_json` is the inverse."""
        values = {field.name: _encode(getattr(self, field.name)) for field in dataclasses.fields(self)}
        return {"kind": type(self).__name__, **values}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Builds the part that `to_json` described.

        Raises:
          ZooError: a kind or a field is unknown, or a value is of the wrong type or out of range.
        """
        try:
            part = _decode(data)
        except RecursionError:
            raise ZooError(f"a {cls.__name__} is nested too deeply") from None
        if not isinstance(part, cls):
            raise ZooError(f"this is not a {cls.__name__}: {shown(data)}")
        return part


def default_of(field: dataclasses.Field[Any]) -> Any:
    """The default of a part's field; `dataclasses.MISSING` if it has none."""
    return field.default if field.default_factory is dataclasses.MISSING else field.default_factory()


def field_types(cls: type[Part]) -> dict[str, Any]:
    """Name and type of each field of a part."""
    return _field_types(cls)  # type: ignore[arg-type]  # mypy: a class whose instances have __hash__ has none itself


@functools.cache
def _field_types(cls: type[Part]) -> dict[str, Any]:
    hints = typing.get_type_hints(cls)
    return {field.name: hints[field.name] for field in dataclasses.fields(cls)}


def conform(value: Any, hint: Any) -> Any:
    """Returns `value` as the type `hint`: ints pass for floats and lists for tuples, nothing else is converted.

    Raises:
      TypeError: the value is not of that type.
    """
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if hint is Any:  # tuples come back from JSON as lists, so let them be tuples to begin with
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
            return math.copysign(math.inf, value)
    if (isinstance(value, bool) and hint is int) or not isinstance(value, hint):
        raise TypeError
    return value


def check_values(name: str, value: Any) -> None:
    """Raises `ZooError` for values that no recipe can mean, at any depth: `name` is what the message calls them.

    Numbers are computed with as float32 and int32, in which 1e39 is infinity and 1e-39 is 0; and functions and objects
    cannot be written down.
    """
    try:
        for each in _leaves(value):
            if isinstance(each, float) and each and not (SMALLEST <= abs(each) <= LARGEST):
                raise ZooError(f"{name} must be a number from 1.2e-38 to 3.4e38, or 0, not {shown(each)}")
            if isinstance(each, int) and abs(each) > LARGEST_INT:
                raise ZooError(f"{name} must be a whole number of at most {LARGEST_INT:,}, not {shown(each)}")
            if not isinstance(each, str | int | float | Part | None):
                raise ZooError(f"{name} is made of numbers, texts, lists and mappings, not of {shown(each)}")
    except RecursionError:
        raise ZooError(f"{name} is nested too deeply") from None


def _leaves(value):
    """The single values of nested mappings and tuples, keys included."""
    if isinstance(value, Mapping):
        value = (*value.keys(), *value.values())
    if isinstance(value, tuple | list):
        for item in value:
            yield from _leaves(item)
    else:
        yield value


def describe(hint: Any) -> str:
    """A type in words, for error messages."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return " or ".join(describe(option) for option in arguments)
    if origin is tuple:
        return f"a list of {describe(arguments[0])}"
    if origin is Mapping:
        return "a mapping"
    words = {float: "a number", int: "a whole number", str: "a text", bool: "true or false", type(None): "None"}
    if hint in words:
        return words[hint]
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
        return build(data["kind"], {name: _decode(item) for name, item in data.items() if name != "kind"})
    if isinstance(data, Mapping):
        return {key: _decode(item) for key, item in data.items()}
    return tuple(_decode(item) for item in data) if isinstance(data, list) else data


def build(kind: str, fields: Mapping[str, Any], *values: Any) -> Part:
    """Makes the part whose class is called `kind`, from fields by name; `values` are those of its first ones.

    Raises:
      ZooError: there is no such part or field, or a value does not fit.
    """
    if not isinstance(kind, str):
        raise ZooError(f"the kind of a part is a name, not {shown(kind)}")
    if kind not in Part.kinds:
        raise ZooError(f"{unknown('part of a recipe', kind, Part.kinds)}; if it is your own, import its file first")
    cls = Part.kinds[kind]
    first = [field.name for field in dataclasses.fields(cls)][: len(values)]
    if len(first) < len(values) or fields.keys() & set(first):
        raise ZooError(f"{kind}: too many values, or a field twice; its fields are {', '.join(field_types(cls))}")
    fields = {**dict(zip(first, values, strict=True)), **fields}
    for name in fields:
        if name not in field_types(cls):
            raise unknown(f"field of {kind}", str(name), field_types(cls))
    required = [
        field.name
        for field in dataclasses.fields(cls)
        if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
    ]
    for name in required:
        if name not in fields:
            raise ZooError(f"{kind} needs {', '.join(required)}: {name} is missing")
    return cls(**fields)
