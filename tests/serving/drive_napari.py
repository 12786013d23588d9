"""Drives napari's nnInteractive plug-in by the mouse, against a server.

No test runs it, as napari has no place among the test's packages. In an
environment with ``napari[pyqt6]``, ``napari-nninteractive`` and
``nninteractive-client``, on a machine without a display in one of Xvfb:

    mmdbsam serve &
    Xvfb :99 -screen 0 1600x1000x24 +extension GLX &
    DISPLAY=:99 LIBGL_ALWAYS_SOFTWARE=1 python tests/serving/drive_napari.py \
        http://127.0.0.1:8000 IMAGE LABELS ID FOLDER

It draws a box, clicks, scribbles and draws a lasso about the label ID on the
slice where it is largest, prints DSCs with the label, and writes screenshots
to FOLDER.
"""

import sys
import time
from itertools import pairwise
from pathlib import Path

import napari
import numpy as np
import SimpleITK as sitk
from qtpy.QtCore import QPoint, Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication

POINT, BOX, SCRIBBLE, LASSO = range(4)
POSITIVE, NEGATIVE = range(2)


class Napari:
    """A viewer with an image and the plug-in, which is connected."""

    def __init__(self, image, url):
        self.viewer = napari.Viewer()
        self.viewer.window.resize(1600, 1000)
        self.layer = self.viewer.add_image(
            sitk.GetArrayFromImage(image), scale=image.GetSpacing()[::-1],
            contrast_limits=(-160, 240))
        _, self.widget = self.viewer.window.add_plugin_dock_widget(
            'napari-nninteractive', 'nnInteractive')
        self.canvas = self.viewer.window._qt_viewer.canvas
        self.widget.server_url_edit.setText(url)
        self.widget.server_url_edit.editingFinished.emit()
        self.wait(self.widget.init_button.isEnabled)
        QTest.mouseClick(self.widget.init_button, Qt.LeftButton)
        self.wait(lambda: self.widget.label_layer_name in self.viewer.layers
                  and self.widget._upload_dialog is None)

    def wait(self, until=lambda: True, seconds=300):
        """Let napari work until something holds, and a little longer."""
        end = time.monotonic() + seconds
        while not until():
            QApplication.processEvents()
            assert time.monotonic() < end
        for _ in range(15):
            QApplication.processEvents()
            time.sleep(0.02)

    def place(self, row, column):
        """The place of a voxel of the shown slice, in pixels of the canvas."""
        def world(*pixel):
            return np.array(self.canvas._map_canvas2world(
                pixel, self.canvas.view))[-2:]

        origin = world(0, 0)
        steps = np.stack([world(100, 0) - origin, world(0, 100) - origin], 1)
        wanted = np.array([row, column]) * self.layer.scale[-2:] - origin
        return QPoint(*np.rint(100 * np.linalg.solve(steps, wanted)
                               ).astype(int).tolist())

    def draw(self, tool, places, prompt=POSITIVE):
        """Drag the mouse with a tool through voxels of the shown slice."""
        self.widget.prompt_button._on_button_pressed(prompt)
        self.widget.interaction_button._on_button_pressed(tool)
        self.wait()
        native = self.canvas.native
        points = [self.place(*one) for one in places]
        QTest.mouseMove(native, points[0])
        QTest.mousePress(native, Qt.LeftButton, Qt.NoModifier, points[0])
        for start, stop in pairwise(points):
            for share in np.linspace(0, 1, 8)[1:]:
                QTest.mouseMove(native, QPoint(
                    round(start.x() + share * (stop.x() - start.x())),
                    round(start.y() + share * (stop.y() - start.y()))))
                QApplication.processEvents()
        QTest.mouseRelease(native, Qt.LeftButton, Qt.NoModifier, points[-1])
        self.wait()

    def mask(self):
        """The object's mask, (D, H, W)."""
        return self.viewer.layers[
            self.widget.label_layer_name].data.astype(bool)


def main(url, image, labels, number, folder):
    """Segment a label by each kind of prompt."""
    label = sitk.GetArrayFromImage(sitk.ReadImage(labels)) == int(number)
    shown = int(label.sum((1, 2)).argmax())
    rows, columns = np.nonzero(label[shown])
    top, left, bottom, right = (rows.min(), columns.min(), rows.max(),
                                columns.max())
    row, column = int(rows.mean()), int(columns.mean())
    angles = np.linspace(0, 2 * np.pi, 24)
    outline = np.stack([row + (bottom - top) / 2 * np.sin(angles),
                        column + (right - left) / 2 * np.cos(angles)], 1)
    driven = Napari(sitk.ReadImage(image), url)
    driven.viewer.dims.set_current_step(0, shown)
    driven.wait()

    def tell(what):
        mask = driven.mask()
        dsc = 2 * (mask & label).sum() / (mask.sum() + label.sum())
        print(f'{what}: {mask.any((1, 2)).sum()} slices, DSC {dsc:.3f}',
              flush=True)
        driven.viewer.screenshot(str(Path(folder, f'{what}.png')),
                                 canvas_only=False)
        return mask

    driven.draw(BOX, [(top, left), (bottom, right)])
    before = tell('box')
    driven.draw(POINT, [(top + 2, right - 2)] * 2, NEGATIVE)
    tell('background')
    driven.widget.on_undo()
    assert np.array_equal(tell('undone'), before)
    for what, tool, places in (
            ('scribble', SCRIBBLE, [(row - 12, column), (row + 12, column)]),
            ('lasso', LASSO, outline), ('click', POINT, [(row, column)] * 2)):
        driven.widget.on_reset_interactions()
        assert not driven.mask().any()
        driven.draw(tool, places)
        tell(what)
    driven.widget._release_session()
    driven.viewer.close()


if __name__ == '__main__':
    main(*sys.argv[1:])
