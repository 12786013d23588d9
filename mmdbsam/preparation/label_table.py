"""The labels that are kept, with their ids and names."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from mmdbsam.errors import InputError
from mmdbsam.io.input_files import is_text
from mmdbsam.io.label_readers.label_reader import HIGHEST_ID
from mmdbsam.io.tables import read_text

# A source refers to a label by the value of its voxels, or by its name.
Key = int | str


@dataclass(frozen=True)
class LabelTable:
    """Translates the labels of a source to those of the prepared data.

    Attributes:
        ids: The ids by the source's names and chosen values.
        names: The names by id; an id without one is called ``label_<id>``.
        all_values: Whether a value that ``ids`` does not list keeps its own
            number instead of being removed.
        given: The ids that were assigned to names without a value.
    """

    ids: dict[Key, int] = field(default_factory=dict)
    names: dict[int, str] = field(default_factory=dict)
    all_values: bool = True
    given: frozenset[int] = frozenset()

    @classmethod
    def of_names(cls, declared: dict[int, str],
                 found: Iterable[str]) -> 'LabelTable':
        """Keep every label.

        Args:
            declared: The names by value, as far as the source gives them.
            found: The names that files give to labels without a value. Those
                that are not declared get the next ids, in their order.
        """
        names = dict(declared)
        ids = {name: value for value, name in names.items()}
        for name in sorted(set(found) - set(ids)):
            ids[name] = max(names, default=0) + 1
            names[ids[name]] = name
        return cls(ids, names, given=frozenset(names) - frozenset(declared))

    @classmethod
    def of_selection(cls, path: Path, declared: dict[int, str],
                     found: Iterable[str]) -> 'LabelTable':
        """Keep the labels that a YAML file chooses.

        Each line is ``name: source`` or ``name: [source, source]``: the name
        in the prepared data, and the name or value of each label in the
        source that becomes part of it. The ids are 1, 2, 3, ... in the order
        of the lines.

        Raises:
            InputError: If the file is not of that form, chooses a label
                twice, or names one that the source does not have.
        """
        values = {name: value for value, name in declared.items()}
        known = set(values) | set(found)
        ids: dict[Key, int] = {}
        selection = _read_selection(path)
        for new, (name, sources) in enumerate(selection.items(), start=1):
            for key in sources:
                if isinstance(key, str) and key not in known:
                    raise InputError(
                        f"{path}: {name}: expected a label of the source, "
                        f"found '{key}'; it has "
                        f'{", ".join(sorted(known)) or "no names"}')
                for alias in {key, values.get(key), declared.get(key)}:
                    if alias is not None and ids.setdefault(alias,
                                                            new) != new:
                        raise InputError(f"{path}: expected '{key}' under one "
                                         f'name, found it again at {name}')
        return cls(ids, dict(enumerate(selection, start=1)),
                   all_values=False)

    def joined_to(self, labels: Mapping[int, str], place: Path
                  ) -> 'LabelTable':
        """The table with the ids that a data set has for the same names.

        Args:
            labels: The names of the data set's labels by id.
            place: The data set's folder, for the error.

        Raises:
            InputError: If a value of the source is another label there.
        """
        ids = {name: i for i, name in labels.items()}
        names, own = dict(labels), dict(self.ids)
        for i, name in sorted(self.names.items()):
            if i in self.given:
                continue
            if names.setdefault(i, name) != name or ids.get(name, i) != i:
                known = (f'{i} is {names[i]}' if names[i] != name else
                         f'{name} is {ids[name]}')
                raise InputError(
                    f'{place}: expected the label {i} to be the same as in '
                    f"the new cases, '{name}', found that {known}; choose and "
                    'name the labels with --labels')
        for i in sorted(self.given):
            name = self.names[i]
            own[name] = ids.get(name) or max(names, default=0) + 1
            names[own[name]] = name
        given = {own[self.names[i]] for i in self.given}
        return LabelTable(own, names, self.all_values,
                          frozenset(given - set(labels)))

    def id_of(self, key: Key) -> int:
        """The id of a label of the source, 0 if the label is removed.

        Raises:
            InputError: If a value is the id of another label.
        """
        if isinstance(key, str) or not self.all_values:
            return self.ids.get(key, 0)
        if key in self.given:
            raise InputError(
                f"label value {key}: expected a value of its own, found that "
                f"'{self.names[key]}', which has none, got it as its id; name "
                'the values in a labels.csv')
        return key

    def name_of(self, label_id: int) -> str:
        """The name of an id."""
        return self.names.get(label_id, f'label_{label_id}')


def _read_selection(path: Path) -> dict[str, list[Key]]:
    text = read_text(path)
    try:
        content = yaml.safe_load(text)
    # Besides its own errors, deep nesting and impossible dates or numbers.
    except (yaml.YAMLError, RecursionError, ValueError, TypeError,
            LookupError) as error:
        reason = ' '.join(str(error).split())
        raise InputError(f'{path}: expected YAML, found: {reason}') from error
    if not isinstance(content, dict) or not content:
        raise InputError(f"{path}: expected lines 'name: source', found "
                         f'{type(content).__name__}')
    selection = {}
    for name, sources in content.items():
        sources = sources if isinstance(sources, list) else [sources]
        for key in sources:
            if isinstance(key, bool) or not (
                    isinstance(key, str)
                    or isinstance(key, int) and 0 < key <= HIGHEST_ID):
                raise InputError(f'{path}: {name}: expected names or values '
                                 f'in 1..{HIGHEST_ID}, found {key!r}')
        if not is_text(str(name)):
            raise InputError(f'{path}: expected names without control '
                             f'characters, found {str(name)[:100]!r}')
        selection[str(name)] = sources
    return selection
