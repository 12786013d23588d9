"""The curves of a training show the right values in the right way."""

import cv2
import numpy as np
import pytest
from matplotlib.figure import Figure

from mmdbsam.visualization.curves import (
    Curve,
    Panel,
    draw_curves,
    running_mean,
)


@pytest.fixture
def draw(tmp_path, monkeypatch):
    """Draw panels, and return the axes of the figure that was written."""
    figures = []
    save = Figure.savefig

    def remembering(figure, *args, **kwargs):
        figures.append(figure)
        save(figure, *args, **kwargs)

    monkeypatch.setattr(Figure, 'savefig', remembering)

    def draw(*panels, name='curves.png', title='a $training^$'):
        draw_curves(panels, title, tmp_path / name)
        return figures[-1].axes

    return draw


def falling(count, name='loss', unit='iteration'):
    steps = list(range(1, count + 1))
    return Curve(name, steps, [100. / step for step in steps], unit)


def legend(axes):
    shown = axes.get_legend()
    return shown and [text.get_text() for text in shown.get_texts()]


def test_a_panel_shows_its_curves(draw, tmp_path):
    loss, other = falling(30), falling(20, 'loss_$dice^$')
    score = Curve('DSC', [1, 2, 3], [20., 84.44, 80.], 'epoch')
    above, below = draw(Panel('loss', [loss, other], until=40),
                        Panel('DSC (%)', [score], best=True))
    for line, drawn in zip(above.lines, (loss, other), strict=True):
        np.testing.assert_array_equal(line.get_xdata(), drawn.steps)
        np.testing.assert_array_equal(line.get_ydata(), drawn.values)
    assert above.get_xlim() == (0, 40) and below.get_xlim() == (0, 3)
    assert above.get_xlabel() == 'iteration' and above.get_ylabel() == 'loss'
    assert legend(above) == ['loss', 'loss_$dice^$']
    assert legend(below) == ['DSC (best 84.4, epoch 2)']
    assert below.get_xlabel() == 'epoch'
    picture = cv2.imread(str(tmp_path / 'curves.png'))
    assert picture.shape[1] == 1000 and picture.std() > 10


def test_a_label_that_says_it_all_needs_no_legend(draw):
    axes, = draw(Panel('loss', [falling(5)]))
    assert legend(axes) is None


@pytest.mark.parametrize('values, scale', [
    ([100., 10.], 'log'), ([100., 10.1], 'linear'), ([100., 0.], 'linear'),
    ([100., -1.], 'linear'), ([100., np.nan], 'linear')])
def test_a_noisy_panel_of_a_decade_is_logarithmic(draw, values, scale):
    drawn = Curve('loss', [1, 2], values, 'iteration')
    axes, = draw(Panel('loss', [drawn], noisy=True))
    assert axes.get_yscale() == scale
    assert axes.get_ylabel().endswith('logarithmic') == (scale == 'log')
    axes, = draw(Panel('loss', [drawn]))
    assert axes.get_yscale() == 'linear'


def test_many_noisy_values_are_drawn_with_their_mean(draw):
    drawn = falling(200)
    axes, = draw(Panel('loss', [drawn], noisy=True))
    values, mean = axes.lines
    np.testing.assert_array_equal(values.get_ydata(), drawn.values)
    np.testing.assert_allclose(mean.get_ydata(),
                               running_mean(np.array(drawn.values), 10))
    assert legend(axes) == ['loss, mean of 10']
    axes, = draw(Panel('learning rate', [drawn]))
    assert len(axes.lines) == 1


def test_running_mean():
    values = np.random.default_rng(0).normal(size=21)
    found = running_mean(values, 5)
    for i in range(21):
        assert found[i] == pytest.approx(values[max(0, i - 2):i + 3].mean())
    np.testing.assert_allclose(running_mean(values, 1), values)


def test_no_text_covers_another(draw):
    above, below = draw(
        Panel('loss', [falling(300), falling(300, 'loss_dice'),
                       falling(300, 'loss_bce')], noisy=True),
        Panel('learning rate', [Curve('learning rate', [1, 2], [0, 1e-4],
                                      'iteration')]))
    shown = [above.figure._suptitle]
    for axes in (above, below):
        (left, right), (low, high) = axes.get_xlim(), axes.get_ylim()
        shown += [axes.xaxis.label, axes.yaxis.label,
                  axes.yaxis.get_offset_text()]
        shown += [text for text in axes.get_xticklabels()
                  if left <= text.get_position()[0] <= right]
        shown += [text for text in axes.get_yticklabels()
                  if low <= text.get_position()[1] <= high]
        if axes.get_legend():
            shown.append(axes.get_legend())
    boxes = [text.get_window_extent() for text in shown]
    boxes = [box for box in boxes if box.width]
    assert len(boxes) > 20
    for i, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[i + 1:])


@pytest.mark.parametrize('name', ['curves.pdf', 'curves.svg'])
def test_other_formats(draw, tmp_path, name):
    draw(Panel('loss', [falling(5)]), name=name)
    assert (tmp_path / name).stat().st_size > 1000
