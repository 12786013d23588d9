// What the page shows: the scan, its objects, and where the user is.

import { ObjectMasks } from './masks.js';
import { PLANES, Plane } from './planes.js';
import { Volume } from './volume.js';

// Tells of 'scan', 'view' (something is to be drawn anew), 'objects' (their
// list changed) and 'tool'.
export class State extends EventTarget {
  constructor() {
    super();
    this.scan = null;
    this.volume = null;
    this.planes = {};
    this.objects = new Map();
    this.active = null;
    // A voxel x, y, z; each view shows the slice through it.
    this.cursor = [0, 0, 0];
    this.window = { level: 40, width: 400 };
    this.fills = true;
    this.tool = null;
    // The radius of the brush, in pixels.
    this.brush = 4;
    this.canUndo = false;
    this.canRedo = false;
  }

  tell(name) { this.dispatchEvent(new Event(name)); }

  // The plane whose slices are prompted.
  get plane() { return this.planes[this.scan.plane]; }

  // The slice of that plane that the cursor is on.
  get slice() { return this.plane.toView(this.cursor)[2]; }

  get activeObject() { return this.objects.get(this.active); }

  open(scan) {
    this.scan = scan;
    this.volume = new Volume(scan);
    this.planes = Object.fromEntries(PLANES.map((name) => (
      [name, new Plane(name, scan.size, scan.spacing)])));
    this.cursor = scan.size.map((length) => Math.floor(length / 2));
    this.objects = new Map();
    this.active = null;
    this.setWindow(scan.window);
    scan.objects.forEach((one) => this.setObject(one));
    this.active = scan.objects.length ? scan.objects[0].id : null;
    const shown = this.activeObject?.masks.slices;
    if (shown?.size) this.goTo([...shown.keys()].sort((a, b) => a - b)[
      Math.floor(shown.size / 2)]);
    this.setHistory(scan);
    this.tell('scan');
    this.tell('objects');
  }

  setHistory({ undo, redo }) {
    this.canUndo = undo;
    this.canRedo = redo;
    this.tell('objects');
  }

  setWindow(window) {
    this.window = { level: window.level, width: Math.max(1, window.width) };
    this.volume.setWindow(this.window);
    this.windowChanged = (this.windowChanged ?? 0) + 1;
    this.tell('window');
    this.tell('view');
  }

  // Move the cursor to a voxel, or to the nearest one inside.
  setCursor(voxel) {
    this.cursor = voxel.map((at, axis) => Math.round(
      Math.min(this.scan.size[axis] - 1, Math.max(0, at))));
    this.tell('view');
  }

  // Move the cursor within a plane by columns, rows and slices.
  moveCursor(plane, ...steps) {
    const place = plane.toView(this.cursor);
    this.setCursor(plane.toVoxel(place.map((at, i) => at + (steps[i] ?? 0))));
  }

  // Show a slice of the plane that is prompted.
  goTo(slice) {
    const [column, row] = this.plane.toView(this.cursor);
    this.setCursor(this.plane.toVoxel([column, row, slice]));
  }

  setObject({ id, name, colour, slices }) {
    const masks = new ObjectMasks(this.plane);
    slices.forEach((one) => masks.set(one));
    const isShown = this.objects.get(id)?.isShown ?? true;
    this.objects.set(id, { id, name, colour, masks, isShown });
    this.objects = new Map([...this.objects].sort((a, b) => a[0] - b[0]));
    this.tell('objects');
    this.tell('view');
  }

  removeObject(id) {
    this.objects.delete(id);
    if (this.active === id) {
      this.active = [...this.objects.keys()].pop() ?? null;
    }
    this.tell('objects');
    this.tell('view');
  }

  activate(id) {
    this.active = id;
    this.tell('objects');
    this.tell('view');
  }

  // The volume of an object in mL.
  millilitres(one) {
    const [x, y, z] = this.scan.spacing;
    return one.masks.count * x * y * z / 1000;
  }
}
