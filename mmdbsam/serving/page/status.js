// The line below the image: what happened, how long it took, what is ready.

export class Status {
  constructor(state, api) {
    Object.assign(this, { state, api });
    const find = (id) => document.querySelector(id);
    this.line = find('#said');
    this.latency = find('#latency');
    this.value = find('#value');
    this.ready = find('#ready');
    this.bar = find('#ready-bar');
    this.saved = find('#saved');
    state.addEventListener('scan', () => this.watch());
  }

  say(text) {
    this.line.textContent = text;
    this.line.classList.remove('error');
  }

  fail(error) {
    this.line.textContent = error.message;
    this.line.classList.add('error');
  }

  busy(what) {
    document.body.classList.toggle('busy', Boolean(what));
    if (what) this.say(`${what} …`);
    else if (/ …$/.test(this.line.textContent)) this.say('');
  }

  // isAnswer: whether the user waited for it.
  took(what, milliseconds, isAnswer) {
    const seconds = (milliseconds / 1000).toFixed(
      milliseconds < 9950 ? 2 : 1);
    if (isAnswer) this.latency.textContent = `${seconds} s`;
    this.say(`${what} in ${seconds} s.`);
  }

  // Show the grey value at a voxel.
  show(voxel) {
    const { scan, volume } = this.state;
    const isInside = voxel.every((at, axis) => (
      at >= 0 && at < scan.size[axis]));
    if (!isInside || !volume.loaded[voxel[2]]) {
      this.value.textContent = '';
      return;
    }
    const value = volume.value(voxel);
    const unit = scan.modality === 'CT' ? ' HU' : '';
    this.value.textContent = `${voxel.map((at) => at + 1).join(', ')}: ${
      Array.isArray(value) ? value.join(' ') : Math.round(value)}${unit}`;
  }

  // Ask the server, now and then, how far it is.
  async watch() {
    const { scan } = this.state;
    clearTimeout(this.timer);
    if (!scan) return;
    let wait = 5000;
    try {
      const status = await this.api.progress(this.state.slice);
      if (scan !== this.state.scan) return;
      const { ready, slices, saved } = status;
      this.bar.max = slices;
      this.bar.value = ready;
      this.bar.hidden = ready === slices;
      this.ready.textContent = ready < slices
        ? `${ready}/${slices} slices ready` : 'all slices ready';
      this.saved.textContent = saved ? 'saved' : 'saving …';
      wait = ready < slices || !saved ? 1000 : 5000;
    } catch (error) {
      if (error.status === 410) return;
      this.fail(error);
    }
    this.timer = setTimeout(() => this.watch(), wait);
  }
}
