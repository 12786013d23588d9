// Puts the page together.

import { Api } from './api.js';
import { Extent } from './extent.js';
import * as keyboard from './keyboard.js';
import { ObjectList } from './objects.js';
import { Opening } from './opening.js';
import { PLANES } from './planes.js';
import * as pointer from './pointer.js';
import { Saving } from './saving.js';
import { Session } from './session.js';
import { SliceView } from './slice_view.js';
import { State } from './state.js';
import { Status } from './status.js';
import { makeTools } from './tools.js';

const find = (selector) => document.querySelector(selector);

class App {
  constructor() {
    this.state = new State();
    this.api = new Api((wasWrong) => this.askForKey(wasWrong),
      () => this.pause());
    this.status = new Status(this.state, this.api);
    this.session = new Session(this.state, this.api, {
      say: (text) => this.status.say(text),
      fail: (error) => this.status.fail(error),
      busy: (what) => this.status.busy(what),
      took: (...args) => this.status.took(...args),
    });
    this.tools = makeTools(this.session);
    this.opening = new Opening(this.state, this.api, this.session, this.status,
      (scan) => this.show(scan));
    this.saving = new Saving(this.state, this.api, this.status);
    this.objects = new ObjectList(find('#objects'), this.state, this.session);
    this.view = new SliceView(find('#large'), this.state, 'axial', true);
    this.extent = new Extent(find('#extent'), this.state, this.view);
    this.smallViews = [find('#first-small'), find('#second-small')].map(
      (canvas, i) => new SliceView(canvas, this.state, PLANES[i + 1], false));
    [this.view, ...this.smallViews].forEach((view) => (
      pointer.listen(view, this)));
    this.bindControls();
    this.table = keyboard.actions(this);
    keyboard.listen(this.table);
    find('#keys').append(keyboard.sheet(this.table));
    this.chooseTool('box');
    if (this.api.lastScan) this.reopen('');
    else this.opening.show();
  }

  // The server ends sessions that are idle. The next click or key goes on.
  pause() {
    if (this.isPaused) return;
    this.isPaused = true;
    this.status.say('The session has ended; a click or a key opens it again.');
    const goOn = (event) => {
      event.preventDefault();
      event.stopPropagation();
      this.isPaused = false;
      for (const kind of ['pointerdown', 'keydown']) {
        removeEventListener(kind, goOn, true);
      }
      this.reopen('The scan was opened again, with all that was saved.');
    };
    for (const kind of ['pointerdown', 'keydown']) {
      addEventListener(kind, goOn, true);
    }
  }

  // Open the scan that was open last, with all that was saved.
  async reopen(why) {
    this.reopening ??= (async () => {
      try {
        this.show(await this.openLast());
        if (why) this.status.say(why);
      } catch {
        this.opening.show();
      } finally {
        this.reopening = null;
      }
    })();
  }

  // The page that was left may hold the scan for a moment.
  async openLast() {
    for (let left = 5; ; left -= 1) {
      try {
        return await this.api.open({ id: this.api.lastScan });
      } catch (error) {
        if (error.status !== 409 || !left) throw error;
        await new Promise((done) => { setTimeout(done, 1000); });
      }
    }
  }

  bindControls() {
    const on = (selector, run) => (
      find(selector).addEventListener('click', run));
    on('#open', () => this.opening.show());
    on('#open-segmentation', () => this.opening.segmentation());
    on('#save', () => this.saving.show());
    on('#undo', () => this.session.undo());
    on('#redo', () => this.session.redo());
    on('#help-button', () => this.showHelp());
    on('#new-object', () => this.session.newObject());
    on('#follow', () => this.session.follow());
    on('#stop', () => this.session.stopFollowing());
    on('#accept', () => this.session.accept());
    for (const button of document.querySelectorAll('[data-tool]')) {
      const tool = this.tools[button.dataset.tool];
      button.setAttribute('aria-label', tool.label);
      button.title = `${tool.label} (${button.dataset.key}): ${tool.help}`;
      button.addEventListener('click', () => {
        this.chooseTool(button.dataset.tool);
        this.view.canvas.focus();
      });
    }
    for (const button of document.querySelectorAll('[data-plane]')) {
      if (button.tagName === 'BUTTON') {
        button.addEventListener('click', () => (
          this.enlarge(button.dataset.plane)));
      }
    }
    for (const button of document.querySelectorAll('.close')) {
      button.addEventListener('click', () => button.closest('dialog').close());
    }
    find('#slice').addEventListener('input', (event) => {
      const { plane, index } = this.view;
      this.state.moveCursor(plane, 0, 0, Number(event.target.value) - index);
    });
    find('#presets').addEventListener('change', (event) => {
      const preset = this.state.scan?.presets[event.target.value];
      if (preset) this.state.setWindow(preset);
    });
    this.state.addEventListener('view', () => this.updateSlider());
    this.state.addEventListener('window', () => this.updatePreset());
    this.state.addEventListener('objects', () => this.updateButtons());
    this.updateButtons();
  }

  // Show a scan that was opened.
  async show(scan) {
    this.loading?.abort();
    find('#presets').replaceChildren(...scan.presets.map((preset, i) => (
      new Option(preset.name, i))), new Option('Own window', -1));
    find('#presets').disabled = scan.channels === 3;
    find('#scan-name').textContent = scan.name;
    document.title = `${scan.name} – mmdbsam`;
    this.state.open(scan);
    this.enlarge(scan.plane);
    [this.view, ...this.smallViews].forEach((view) => view.reset());
    this.status.say(scan.objects.length
      ? 'The scan was opened with what was segmented before.'
      : 'Draw a box around an object. Press ? for all keys.');
    this.view.canvas.focus();
    const { volume } = this.state;
    this.loading = new AbortController();
    try {
      await volume.load(this.api, this.state.cursor[2], (count) => {
        volume.count = count;
        this.state.tell('view');
      }, this.loading.signal);
    } catch (error) {
      if (error.name !== 'AbortError') this.status.fail(error);
    }
  }

  // Show a plane large, and the other two beside it.
  enlarge(planeName) {
    const others = PLANES.filter((name) => name !== planeName);
    [[this.view, planeName], ...this.smallViews.map((view, i) => (
      [view, others[i]]))].forEach(([view, name]) => {
      if (view.planeName !== name) {
        view.planeName = name;
        view.reset();
      }
      view.canvas.setAttribute('aria-label', `${name} slices`);
    });
    for (const button of document.querySelectorAll('button[data-plane]')) {
      button.setAttribute('aria-pressed', button.dataset.plane === planeName);
    }
    this.state.tell('view');
  }

  updateSlider() {
    if (!this.state.scan) return;
    const { plane, index } = this.view;
    const slider = find('#slice');
    slider.max = plane.size[2] - 1;
    slider.value = index;
    slider.setAttribute('aria-valuetext', `${plane.name} slice ${index + 1} of `
      + `${plane.size[2]}`);
  }

  updatePreset() {
    const { scan, window } = this.state;
    const i = scan.presets.findIndex((one) => (
      one.level === window.level && one.width === window.width));
    find('#presets').value = i;
  }

  updateButtons() {
    const { scan, objects, canUndo, canRedo } = this.state;
    find('#undo').disabled = !canUndo;
    find('#redo').disabled = !canRedo;
    find('#save').disabled = !objects.size;
    for (const id of ['#follow', '#accept']) find(id).disabled = !objects.size;
    for (const id of ['#new-object', '#open-segmentation']) {
      find(id).disabled = !scan;
    }
  }

  chooseTool(name) {
    this.state.tool?.cancel();
    this.pressedAt = null;
    this.state.tool = this.tools[name];
    for (const button of document.querySelectorAll('[data-tool]')) {
      button.setAttribute('aria-pressed', button.dataset.tool === name);
    }
    this.status.say(this.state.tool.help);
    this.state.tell('view');
  }

  // A tool is used: down, then drag, then up.
  down(view, place, isObject) {
    const { tool } = this.state;
    if (tool.onlyOnPlane && !tool.isOnPlane(view)) {
      this.status.say(`${tool.label}: use it on ${this.state.scan.plane} `
        + 'slices; clicks work on all.');
      return;
    }
    this.state.setCursor(view.plane.toVoxel([...place, view.index]));
    tool.down(view, place, isObject);
    this.state.tell('view');
  }

  drag(place, x, y) {
    const { tool } = this.state;
    if (!tool.view) return;
    if (tool.drag) tool.drag(x, y);
    else tool.move(place);
    this.state.tell('view');
  }

  up(place) {
    const { tool } = this.state;
    if (!tool.view) return;
    tool.move(place);
    tool.up();
    this.state.tell('view');
  }

  // Click at a place with the click tool, whatever the chosen tool is.
  click(view, place, isObject) {
    const { click } = this.tools;
    click.down(view, place, isObject);
    click.up();
  }

  // Press the pointer down, or let it go, at the cursor.
  pressAtCursor(isObject) {
    const { state, view } = this;
    if (!state.scan) return;
    const place = view.plane.toView(state.cursor).slice(0, 2);
    if (state.tool === this.tools.click) this.click(view, place, isObject);
    else if (this.pressedAt) {
      this.pressedAt = null;
      this.up(place);
    } else {
      this.down(view, place, isObject);
      this.pressedAt = state.tool.view;
    }
  }

  moveCursor(...steps) {
    const { state, view } = this;
    if (!state.scan) return;
    if (this.pressedAt && steps[2]) this.cancel();
    state.moveCursor(view.plane, ...steps);
    const place = view.plane.toView(state.cursor).slice(0, 2);
    if (this.pressedAt) this.drag(place, 0, 0);
    this.status.show(state.cursor);
  }

  cancel() {
    this.state.tool.cancel();
    this.pressedAt = null;
    this.session.stopFollowing();
    this.state.tell('view');
  }

  hover(view, place) {
    this.status.show(view.plane.toVoxel([...place.map(Math.round),
      view.index]));
  }

  zoom(factor) {
    const { view, state } = this;
    if (!state.scan) return;
    const [column, row] = view.plane.toView(state.cursor);
    const { left, top, width, height } = view.place;
    view.zoomBy(factor, left + (column + 0.5) * width,
      top + (row + 0.5) * height);
  }

  changeWindow(shift, factor) {
    const { state } = this;
    if (!state.scan) return;
    const { level, width } = state.window;
    state.setWindow({ level: level + shift * width, width: width * factor });
  }

  nextPreset() {
    const { scan } = this.state;
    if (!scan?.presets.length) return;
    const next = (Number(find('#presets').value) + 1) % scan.presets.length;
    this.state.setWindow(scan.presets[next]);
    this.status.say(`Window: ${scan.presets[next].name}.`);
  }

  changeBrush(by) {
    this.state.brush = Math.min(60, Math.max(0, this.state.brush + by));
    this.status.say(`The brush is ${2 * this.state.brush + 1} pixels wide.`);
  }

  nextObject(by) {
    const ids = [...this.state.objects.keys()];
    if (!ids.length) return;
    const at = ids.indexOf(this.state.active);
    this.state.activate(ids[(at + by + ids.length) % ids.length]);
    this.status.say(`${this.state.activeObject.name} is worked on.`);
  }

  renameActive() {
    if (this.state.active !== null) this.objects.rename(this.state.active);
  }

  removeActive() {
    if (this.state.active !== null) this.session.remove(this.state.active);
  }

  toggleShown(all) {
    this.objects.toggle(...(all ? this.state.objects.keys()
      : [this.state.active]));
  }

  showHelp() { find('#help').showModal(); }

  askForKey(wasWrong) {
    const dialog = find('#key');
    find('#key-error').textContent = wasWrong ? 'The key was not accepted.' : '';
    dialog.showModal();
    return new Promise((done) => {
      dialog.addEventListener('close', () => (
        done(find('#key-value').value || null)), { once: true });
    });
  }
}

new App();
