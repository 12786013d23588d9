// What the user does to the scan's objects, in the order in which it is done.

export class Session {
  // say: shows a line; busy: shows what is being waited for, or null;
  // took: shows how long an answer took.
  constructor(state, api, { say, fail, busy, took }) {
    Object.assign(this, { state, api, say, fail, busy, took });
    this.queue = Promise.resolve();
    this.following = null;
  }

  // Do one thing after another; errors become a line.
  enqueue(what, work) {
    const scan = this.state.scan;
    this.queue = this.queue.then(async () => {
      // Another scan may have been opened since.
      if (!scan || scan !== this.state.scan) return;
      this.busy(what);
      try {
        await work();
      } catch (error) {
        this.fail(error);
      } finally {
        this.busy(null);
      }
    });
    return this.queue;
  }

  async answer(what, ask) {
    const begun = performance.now();
    this.apply(await ask());
    this.took(what, performance.now() - begun, true);
  }

  // Take over what changed: some slices of an object, or all of it.
  apply(change) {
    const { state } = this;
    if (change.whole) state.setObject(change.whole);
    else if (change.whole === null) state.removeObject(change.object);
    const one = state.objects.get(change.object);
    if (one) change.slices?.forEach((slice) => one.masks.set(slice));
    if ('undo' in change) state.setHistory(change);
    else state.tell('objects');
    state.tell('view');
  }

  prompt(prompt) {
    this.stopFollowing();
    return this.enqueue('Looking', async () => {
      const object = await this.activeOrNew();
      let slice;
      await this.answer('Answered', async () => {
        const change = await this.api.change(object, 'prompt', prompt);
        slice = change.slice;
        return change;
      });
      if (prompt.kind === 'span') {
        this.state.goTo(slice);
        await this.followFrom(object, slice);
      }
    });
  }

  paint(slice, mask) {
    this.stopFollowing();
    return this.enqueue('Painting', async () => {
      const object = await this.activeOrNew();
      await this.answer('Painted', () => this.api.change(object, 'paint',
        { slice, ...mask.pack() }));
    });
  }

  async activeOrNew() {
    if (this.state.active === null) await this.add();
    return this.state.active;
  }

  async add() {
    const change = await this.api.addObject();
    this.apply(change);
    this.state.activate(change.object);
  }

  newObject() {
    return this.enqueue('Adding', () => this.add());
  }

  rename(object, name) {
    return this.enqueue('Renaming', async () => {
      this.apply(await this.api.renameObject(object, name));
    });
  }

  remove(object) {
    this.stopFollowing();
    return this.enqueue('Removing', async () => {
      this.apply(await this.api.removeObject(object));
      this.say('The object was removed; undo brings it back.');
    });
  }

  // The slice that was prompted and is nearest to the shown one.
  nearestPrompted() {
    const { activeObject, slice } = this.state;
    const prompted = [...(activeObject?.masks.slices ?? [])]
      .filter(([, mask]) => mask.isPrompted && mask.count).map(([at]) => at);
    return prompted.sort((a, b) => Math.abs(a - slice)
      - Math.abs(b - slice))[0];
  }

  follow() {
    const from = this.nearestPrompted();
    if (from === undefined) {
      this.say('Prompt the object on a slice first, then follow it.');
      return undefined;
    }
    this.stopFollowing();
    return this.enqueue('Following', () => this.followFrom(
      this.state.active, from));
  }

  async followFrom(object, slice) {
    const begun = performance.now();
    let count = 0;
    this.setFollowing(new AbortController());
    try {
      await this.api.follow(object, slice, (found) => {
        count += 1;
        this.apply({ object, slices: [found] });
        this.busy(`Following: ${count} slices; Esc stops`);
      }, this.following.signal);
      this.took(`Followed through ${count} slices`,
        performance.now() - begun, false);
    } catch (error) {
      if (error.name !== 'AbortError') throw error;
      this.say(`Following stopped after ${count} slices.`);
      // A slice may have been found that was not told of.
      const scan = await this.api.scan();
      scan.objects.forEach((one) => this.state.setObject(one));
    } finally {
      this.setFollowing(null);
    }
  }

  setFollowing(controller) {
    this.following = controller;
    document.body.classList.toggle('following', Boolean(controller));
  }

  stopFollowing() {
    this.following?.abort();
    return Boolean(this.following);
  }

  accept() {
    const { slice, activeObject } = this.state;
    if (!activeObject?.masks.slices.has(slice)) {
      this.say('There is no mask on this slice to accept.');
      return undefined;
    }
    this.stopFollowing();
    return this.enqueue('Accepting', async () => {
      this.apply(await this.api.change(activeObject.id, 'accept',
        { slice }));
      this.say(`Slice ${slice + 1} stays as it is from now on.`);
    });
  }

  undo() { return this.step('undo', 'There is nothing to undo.'); }

  redo() { return this.step('redo', 'There is nothing to redo.'); }

  step(which, otherwise) {
    this.stopFollowing();
    return this.enqueue('Going', async () => {
      const change = await this.api[which]();
      if (change.object === null) this.say(otherwise);
      else {
        this.apply(change);
        if (change.whole) this.state.activate(change.object);
        this.say(which === 'undo' ? 'Undone.' : 'Done again.');
      }
    });
  }
}
