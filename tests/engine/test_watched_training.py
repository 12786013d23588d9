"""Trainings that are watched, and docs/visualize_and_monitor.md about it."""

import re
import shlex
import shutil

import cv2
import mlflow
import numpy as np
import pytest
from mmengine.config import Config
from tensorboard.backend.event_processing.event_accumulator import (
    EventAccumulator,
)

from mmdbsam.engine.run_scalars import logged_keys, read_scalars

PAGE = 'docs/visualize_and_monitor.md'


@pytest.fixture
def watched(train, recipe_folder, tmp_path):
    """Train for two epochs with the backend of TensorBoard."""
    return train(recipe_folder / 'recipes/dbsam_tinyvit_tensorboard_ct.py',
                 tmp_path / 'watched', options=[
                     'max_epochs=2', 'default_hooks.visualization.interval=2'])


def test_the_event_file_has_curves_and_pictures(watched):
    run, = watched.glob('*/vis_data')
    events = EventAccumulator(str(run))
    events.Reload()
    rows = read_scalars(watched)
    keys = logged_keys(rows)
    assert {'loss', 'lr', 'DSC', 'NSD'} < set(keys)
    for key in keys:
        logged = [(row['step'], row[key]) for row in rows if key in row]
        shown = [(event.step, event.value) for event in events.Scalars(key)]
        assert len(shown) == len(logged) >= 2
        np.testing.assert_allclose(shown, logged, rtol=1e-6)
    pictures = events.Tags()['images']
    assert pictures and all(re.fullmatch(
        r'val_spine_lumbar_slice\d{4}', name) for name in pictures)
    for name in pictures:
        steps = [event.step for event in events.Images(name)]
        # The iterations after which the model was validated.
        assert steps == [len([row for row in rows if 'iter' in row]) // 2 * i
                         for i in (1, 2)]
        first, last = [cv2.imdecode(np.frombuffer(
            event.encoded_image_string, np.uint8), cv2.IMREAD_COLOR)
            for event in events.Images(name)]
        assert first.shape == last.shape and (first != last).any()
        saved, = run.glob(f'vis_image/{name}_{steps[-1]}.png')
        np.testing.assert_array_equal(cv2.imread(str(saved)), last)


def test_a_resumed_training_is_drawn_from_its_beginning(
        watched, train, recipe_folder):
    before = read_scalars(watched)
    train(recipe_folder / 'dbsam_tinyvit_ct.py', watched, '--resume',
          watched / 'epoch_1.pth', options=['max_epochs=2'])
    first, second = sorted(watched.glob('*/curves.png'))
    assert cv2.imread(str(second)).shape == cv2.imread(str(first)).shape
    rows = read_scalars(watched)
    assert len(rows) == len(before)
    for row, other in zip(rows, before, strict=True):
        assert row['step'] == other['step']
        assert row.get('DSC') == pytest.approx(other.get('DSC'), abs=1e-6)


@pytest.fixture
def place(recipe_folder, prepared_spine, tmp_path, monkeypatch):
    """A folder in which the page's commands can be run as they stand."""
    (tmp_path / 'data').mkdir()
    (tmp_path / 'data/ct').symlink_to(prepared_spine)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def blocks(repo_root, language):
    return re.findall(rf'```{language}\n(.*?)```',
                      (repo_root / PAGE).read_text(), re.DOTALL)


def test_the_commands_of_the_page(place, command, load_tool, repo_root,
                                  monkeypatch, capsys):
    work = place / 'work_dirs'
    ran = []
    for line in ''.join(blocks(repo_root, 'bash')).splitlines():
        program, *words = shlex.split(line)
        if program == 'mmdbsam':
            command(*words)
        elif program == 'python':
            path = words[0]
            monkeypatch.setattr('sys.argv', words)
            load_tool(path.removeprefix('tools/')).main()
        elif program == 'tensorboard':
            option, folder = words
            assert option == '--logdir'
            assert list(place.glob(f'{folder}/**/events.out.tfevents.*'))
        else:
            assert (program, words[0]) == ('pip', 'install')
            continue
        ran.append(line)
        trained = work / 'dbsam_tinyvit_ct'
        if not (trained / 'epoch_4.pth').exists():
            # The tiny config is trained for one epoch.
            shutil.copy(trained / 'epoch_1.pth', trained / 'epoch_4.pth')
    assert len(ran) == 9
    assert list(work.glob('dbsam_tinyvit_ct/*/vis_data/vis_image/val_*.png'))
    assert list(work.glob('shown/test_*.png'))
    assert cv2.imread(str(work / 'compared.png')) is not None
    printed = capsys.readouterr().out
    assert 's/iter' in printed and "ema=dict(momentum=0.02" in printed


def config_with(backend, repo_root, place):
    """The page's config for a backend, as a file."""
    text, = (block for block in blocks(repo_root, 'python')
             if backend in block)
    path = place / 'mine/config.py'
    path.parent.mkdir()
    path.write_text(text)
    return path


def test_the_pages_config_for_tensorboard_is_the_recipe(
        place, repo_root, recipe_folder):
    mine = Config.fromfile(config_with('Tensorboard', repo_root, place))
    recipe = Config.fromfile(
        recipe_folder / 'recipes/dbsam_tinyvit_tensorboard_ct.py')
    assert mine.to_dict() == recipe.to_dict()


def test_weights_and_biases(place, command, repo_root, monkeypatch):
    monkeypatch.setenv('WANDB_MODE', 'offline')
    config = config_with('Wandb', repo_root, place)
    command('train', config, '--cfg-options', 'data_root=data/ct')
    run, = place.glob('work_dirs/config/*/vis_data/wandb/offline-run-*')
    assert list(run.glob('*.wandb'))
    assert list(run.glob('files/media/images/val_spine_lumbar_*.png'))


def test_mlflow(place, command, repo_root):
    config = config_with('MLflow', repo_root, place)
    command('train', config, '--cfg-options', 'data_root=data/ct')
    client = mlflow.MlflowClient('sqlite:///mlflow.db')
    experiment = client.get_experiment_by_name('mmdbsam')
    run, = client.search_runs([experiment.experiment_id])
    logged = client.get_metric_history(run.info.run_id, 'loss')
    rows = read_scalars(place / 'work_dirs/config')
    np.testing.assert_allclose(
        [metric.value for metric in logged],
        [row['loss'] for row in rows if 'loss' in row])
    pictures = [file.path for file in client.list_artifacts(
        run.info.run_id, 'images')]
    assert any(re.match(r'images/val_spine_lumbar_slice\d{4}\+step\+\d+\+',
                        path) for path in pictures)
    mlflow.set_tracking_uri(None)
