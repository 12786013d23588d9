// The mouse, the pen and the finger on a view.
//
// The left button uses the tool. The right one clicks or draws on the
// background; with other tools, dragging with it changes the window. The
// middle one, or the left one with Shift, pans. The wheel scrolls slices, and
// zooms with Ctrl.

const CLICK = 4;

export function listen(view, app) {
  const { canvas, state } = view;
  let pressed = null;
  let scrolled = 0;

  canvas.addEventListener('contextmenu', (event) => event.preventDefault());
  canvas.addEventListener('dblclick', () => {
    if (!view.isLarge) app.enlarge(view.planeName);
  });
  canvas.addEventListener('wheel', (event) => {
    event.preventDefault();
    if (!state.scan) return;
    if (event.ctrlKey || event.metaKey) {
      const box = canvas.getBoundingClientRect();
      view.zoomBy(Math.exp(-event.deltaY / 300), event.clientX - box.left,
        event.clientY - box.top);
      return;
    }
    // Touch pads send many small steps.
    scrolled += event.deltaMode ? event.deltaY * 40 : event.deltaY;
    const steps = Math.trunc(scrolled / 40);
    if (steps) {
      scrolled -= 40 * steps;
      // Up is on, as with the key.
      state.moveCursor(view.plane, 0, 0, event.deltaMode || Math.abs(
        event.deltaY) >= 40 ? -Math.sign(steps) : -steps);
    }
  }, { passive: false });

  canvas.addEventListener('pointerdown', (event) => {
    if (!state.scan) return;
    canvas.setPointerCapture(event.pointerId);
    pressed = { button: event.button, x: event.clientX, y: event.clientY,
      how: null };
    const isPanning = event.button === 1 || event.shiftKey;
    if (isPanning) pressed.how = 'pan';
    else if (!view.isLarge) pressed.how = 'cursor';
    else if (event.button === 0 || state.tool.drags) pressed.how = 'tool';
    if (pressed.how === 'tool') {
      app.down(view, view.pixelAt(event), event.button === 0);
    } else if (pressed.how === 'cursor') moveTo(event);
  });

  const moveTo = (event) => {
    const [column, row] = view.pixelAt(event);
    state.setCursor(view.plane.toVoxel([column, row, view.index]));
  };

  canvas.addEventListener('pointermove', (event) => {
    if (!state.scan) return;
    const place = view.pixelAt(event);
    app.hover(view, place);
    if (!pressed) return;
    const [x, y] = [event.clientX - pressed.x, event.clientY - pressed.y];
    if (pressed.how === 'pan') view.panBy(event.movementX, event.movementY);
    else if (pressed.how === 'cursor') moveTo(event);
    else if (pressed.how === 'tool') app.drag(place, x, y);
    else if (pressed.how === 'window') app.tools.window.drag(x, y);
    else if (Math.hypot(x, y) > CLICK) {
      pressed.how = 'window';
      app.tools.window.down(view, place, false);
    }
  });

  canvas.addEventListener('pointerup', (event) => {
    const { how, button } = pressed ?? {};
    pressed = null;
    if (how === 'tool') app.up(view.pixelAt(event));
    else if (how === 'window') app.tools.window.cancel();
    else if (how === null && button === 2) {
      // A click, whatever the tool is.
      app.click(view, view.pixelAt(event), false);
    }
  });

  canvas.addEventListener('pointercancel', () => {
    if (pressed?.how === 'tool') app.cancel();
    pressed = null;
  });
}
