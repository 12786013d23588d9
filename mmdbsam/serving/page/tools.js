// What the pointer, or the cursor with the space bar, does on a slice.
//
// A tool is pressed down on a slice, moved, and let go; places are columns and
// rows whose whole numbers are the centres of pixels. isObject is true for the
// left button and false for the right one. drags says whether the right button
// is the tool's too; otherwise, dragging with it changes the window.

import { SliceMask } from './masks.js';

const LINE = '#ffd166';
const OBJECT = '#7cf29c';
const BACKGROUND = '#ff7b7b';

const clamp = (at, length) => Math.min(length - 1, Math.max(0, at));

class Tool {
  constructor(session) {
    this.session = session;
    this.state = session.state;
    this.view = null;
  }

  down(view, place, isObject) {
    Object.assign(this, { view, isObject, from: place, to: place });
  }

  move(place) { this.to = place; }

  cancel() { this.view = null; }

  draw() {}

  // A place as whole pixels of the slice.
  inside([column, row]) {
    const [columns, rows] = this.view.plane.size;
    return [clamp(Math.round(column), columns), clamp(Math.round(row), rows)];
  }

  // Only slices of one plane are prompted by drawings.
  isOnPlane(view) {
    return view.planeName === this.state.scan.plane;
  }
}

export class BoxTool extends Tool {
  label = 'Box';

  help = 'Draw a box around the object on this slice.';

  onlyOnPlane = true;

  up() {
    const { from, to, view } = this;
    this.cancel();
    this.view = view;
    const box = this.box(from, to);
    this.view = null;
    if (box[2] - box[0] <= 1 || box[3] - box[1] <= 1) return undefined;
    // The other planes show the object, too.
    this.state.setCursor(view.plane.toVoxel([(box[0] + box[2]) / 2,
      (box[1] + box[3]) / 2, view.index]));
    return this.send(box, view.index);
  }

  send(box, slice) {
    return this.session.prompt({ kind: 'box', slice, box });
  }

  box(from, to) {
    const [a, b] = [this.inside(from), this.inside(to)];
    return [Math.min(a[0], b[0]), Math.min(a[1], b[1]),
      Math.max(a[0], b[0]), Math.max(a[1], b[1])];
  }

  draw(context, view, place) {
    this.outline(context, place, this.box(this.from, this.to));
  }

  outline(context, { left, top, width, height }, [x0, y0, x1, y1]) {
    context.strokeStyle = LINE;
    context.lineWidth = 1.5;
    context.strokeRect(left + x0 * width, top + y0 * height,
      (x1 - x0 + 1) * width, (y1 - y0 + 1) * height);
  }
}

// Two boxes on two slices span a box in which the object is followed.
export class SpanTool extends BoxTool {
  label = '3-D box';

  help = 'Draw a box on the first slice of the object and one on its last.';

  send(box, slice) {
    if (!this.first) {
      this.first = { box, slice };
      this.session.say('Now draw a box on the last slice of the object.');
      return undefined;
    }
    const [a, b] = [this.first, { box, slice }];
    this.first = null;
    const low = [0, 1].map((i) => Math.min(a.box[i], b.box[i]));
    const high = [2, 3].map((i) => Math.max(a.box[i], b.box[i]));
    return this.session.prompt({ kind: 'span', box: [
      ...low, Math.min(a.slice, b.slice), ...high, Math.max(a.slice, b.slice)] });
  }

  cancel() {
    // The first box goes only with a second attempt to cancel.
    if (!this.view) this.first = null;
    super.cancel();
  }
}

export class ClickTool extends Tool {
  label = 'Click';

  help = 'Click the object; right-click the background.';

  up() {
    const place = [...this.inside(this.to), this.view.index];
    const [column, row, slice] = this.state.plane.toView(
      this.view.plane.toVoxel(place));
    this.cancel();
    return this.session.prompt({ kind: 'points', slice,
      points: [[column, row]], labels: [Number(this.isObject)] });
  }

  draw(context, view, { left, top, width, height }) {
    context.fillStyle = this.isObject ? OBJECT : BACKGROUND;
    context.beginPath();
    context.arc(left + (this.to[0] + 0.5) * width,
      top + (this.to[1] + 0.5) * height, 4, 0, 2 * Math.PI);
    context.fill();
  }
}

export class ScribbleTool extends Tool {
  label = 'Scribble';

  help = 'Draw a line within the object, or with the right button within '
    + 'the background.';

  onlyOnPlane = true;

  drags = true;

  down(view, place, isObject) {
    super.down(view, place, isObject);
    this.points = [this.inside(place)];
  }

  move(place) {
    const [column, row] = this.inside(place);
    const [last] = this.points.slice(-1);
    if (column !== last[0] || row !== last[1]) this.points.push([column, row]);
  }

  up() {
    const { points, isObject, view } = this;
    this.cancel();
    return this.send(points, isObject, view.index);
  }

  send(points, isObject, slice) {
    return this.session.prompt({ kind: 'scribble', slice, points,
      is_object: isObject });
  }

  draw(context, view, { left, top, width, height }) {
    context.strokeStyle = this.isObject ? OBJECT : BACKGROUND;
    context.lineWidth = 3;
    context.lineCap = 'round';
    context.lineJoin = 'round';
    context.beginPath();
    for (const [column, row] of this.points) {
      context.lineTo(left + (column + 0.5) * width,
        top + (row + 0.5) * height);
    }
    context.stroke();
  }
}

export class LassoTool extends ScribbleTool {
  label = 'Lasso';

  help = 'Draw a closed line around the object.';

  drags = false;

  send(points, isObject, slice) {
    if (points.length < 3) return undefined;
    return this.session.prompt({ kind: 'lasso', slice, points });
  }
}

// Changes the mask of a slice by hand; the right button does the opposite.
export class BrushTool extends Tool {
  onlyOnPlane = true;

  drags = true;

  constructor(session, adds) {
    super(session);
    this.adds = adds;
    this.label = adds ? 'Paint' : 'Erase';
    this.help = adds ? 'Paint by hand; the right button erases.'
      : 'Erase by hand; the right button paints.';
  }

  down(view, place, isObject) {
    super.down(view, place, isObject);
    const [columns, rows] = view.plane.size;
    const mask = this.state.activeObject?.masks.on(view.plane, view.index);
    this.pixels = mask ? mask.whole(rows, columns)
      : new Uint8Array(rows * columns);
    this.dab(place);
  }

  move(place) {
    // The line from the last place is painted without gaps.
    const steps = Math.ceil(Math.hypot(place[0] - this.to[0],
      place[1] - this.to[1])) || 1;
    const from = this.to;
    for (let i = 1; i <= steps; i += 1) {
      this.dab([0, 1].map((k) => from[k] + (place[k] - from[k]) * i / steps));
    }
    this.to = place;
  }

  dab([column, row]) {
    const [columns, rows] = this.view.plane.size;
    const radius = this.state.brush;
    const value = Number(this.adds === this.isObject);
    const first = Math.max(0, Math.ceil(row - radius));
    const last = Math.min(rows - 1, Math.floor(row + radius));
    for (let y = first; y <= last; y += 1) {
      const half = Math.sqrt(Math.max(0, radius ** 2 - (y - row) ** 2));
      const begin = Math.max(0, Math.ceil(column - half));
      const end = Math.min(columns - 1, Math.floor(column + half));
      if (begin <= end) {
        this.pixels.fill(value, y * columns + begin, y * columns + end + 1);
      }
    }
  }

  up() {
    const { view, pixels } = this;
    const [columns, rows] = view.plane.size;
    this.cancel();
    return this.session.paint(view.index,
      SliceMask.crop(pixels, rows, columns));
  }

  draw(context, view, place) {
    const [columns, rows] = view.plane.size;
    const path = new Path2D();
    path.addPath(SliceMask.crop(this.pixels, rows, columns).outline(),
      new DOMMatrix([place.width, 0, 0, place.height, place.left, place.top]));
    context.strokeStyle = LINE;
    context.lineWidth = 1.5;
    context.stroke(path);
  }
}

export class WindowTool extends Tool {
  label = 'Window';

  help = 'Drag to the right for more contrast range, down for brighter.';

  down(view, place, isObject) {
    super.down(view, place, isObject);
    this.begun = this.state.window;
  }

  // Dragged by so many CSS pixels.
  drag(x, y) {
    const { level, width } = this.begun;
    const speed = Math.max(width, 50) / 300;
    this.state.setWindow({ level: level - y * speed,
      width: width + x * speed * 2 });
  }

  up() { this.cancel(); }
}

export const makeTools = (session) => ({
  box: new BoxTool(session),
  span: new SpanTool(session),
  click: new ClickTool(session),
  scribble: new ScribbleTool(session),
  lasso: new LassoTool(session),
  paint: new BrushTool(session, true),
  erase: new BrushTool(session, false),
  window: new WindowTool(session),
});
