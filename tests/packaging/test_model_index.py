"""The model index, read by the ecosystem's own loader."""

import statistics

import pytest
import yaml
from modelindex.load_model_index import load

from mmdbsam.weights.released import RELEASED_WEIGHTS


@pytest.fixture(scope='module')
def index(repo_root):
    return load(str(repo_root / 'model-index.yml'))


def test_it_is_valid(index):
    """The loader also checks that the models' collections exist."""
    assert index.check(silent=True) == []


def test_it_has_the_models_of_all_metafiles(index, repo_root):
    listed = [model['Name']
              for path in (repo_root / 'configs').rglob('metafile.yml')
              for model in yaml.safe_load(path.read_text())['Models']]
    names = [model.name for model in index.models]
    assert sorted(names) == sorted(listed)
    assert len(set(names)) == len(names)
    for model in index.models:
        assert model.config.endswith(f'/{model.name}.py')


def test_weights_are_those_of_models_that_are_not_trained(index):
    """mim would take any others for those of the trained model."""
    for model in index.models:
        if model.weights != 'none/':
            assert model.metadata.data['Zero-shot']
            released = RELEASED_WEIGHTS[model.metadata.data['Pretrained']]
            assert model.weights == released.source


def test_scores_are_the_means_of_seeds(repo_root):
    results = [result
               for path in (repo_root / 'configs').rglob('metafile.yml')
               for model in yaml.safe_load(path.read_text())['Models']
               for result in model.get('Results', []) if 'Seeds' in result]
    assert results
    for result in results:
        assert result['Metrics'] == {
            name: round(statistics.mean(values), 2)
            for name, values in result['Seeds'].items()}
