// The dialog that opens scans, and what is dropped on the page.

const SEGMENTATION = /\.(seg\.nrrd|seg\.dcm)$/i;

// All files of what was dropped, those in folders too.
async function filesOf(entries) {
  const files = [];
  for (const entry of entries) {
    if (entry.isFile) {
      files.push(await new Promise((done, fail) => entry.file(done, fail)));
    } else {
      const reader = entry.createReader();
      for (;;) {
        // A folder is read in portions.
        const portion = await new Promise((done, fail) => (
          reader.readEntries(done, fail)));
        if (!portion.length) break;
        files.push(...await filesOf(portion));
      }
    }
  }
  return files;
}

export class Opening {
  // onScan: is given the answer of the server when a scan was opened.
  constructor(state, api, session, status, onScan) {
    Object.assign(this, { state, api, session, status, onScan });
    const find = (id) => document.querySelector(id);
    this.dialog = find('#opening');
    this.files = find('#choose-files');
    this.folder = find('#choose-folder');
    this.labels = find('#choose-segmentation');
    this.list = find('#server-files');
    this.error = find('#opening-error');
    find('#open-files').addEventListener('click', () => this.files.click());
    find('#open-folder').addEventListener('click', () => this.folder.click());
    for (const input of [this.files, this.folder]) {
      input.addEventListener('change', () => {
        const files = [...input.files];
        input.value = '';
        if (files.length) this.send(files);
      });
    }
    this.labels.addEventListener('change', () => {
      const [file] = this.labels.files;
      this.labels.value = '';
      if (file) this.openSegmentation(file);
    });
    this.takeDrops();
  }

  takeDrops() {
    const { classList } = document.body;
    addEventListener('dragover', (event) => {
      event.preventDefault();
      classList.add('dragging');
    });
    addEventListener('dragleave', (event) => {
      if (!event.relatedTarget) classList.remove('dragging');
    });
    addEventListener('drop', async (event) => {
      event.preventDefault();
      classList.remove('dragging');
      const items = [...event.dataTransfer.items].filter(
        (item) => item.kind === 'file');
      const entries = items.map((item) => item.webkitGetAsEntry());
      const files = entries.every(Boolean) ? await filesOf(entries)
        : [...event.dataTransfer.files];
      if (!files.length) return;
      if (this.state.scan && files.length === 1
        && SEGMENTATION.test(files[0].name)) {
        await this.openSegmentation(files[0]);
      } else {
        await this.send(files);
      }
    });
  }

  async show() {
    this.error.textContent = '';
    if (!this.dialog.open) this.dialog.showModal();
    await Promise.all([this.enter(''), this.listSegmented()]);
  }

  // List the scans whose objects the server keeps.
  async listSegmented() {
    try {
      const { entries } = await this.api.segmented();
      document.querySelector('#segmented').hidden = !entries.length;
      document.querySelector('#segmented-scans').replaceChildren(
        ...entries.map((one) => this.row(one.name,
          new Date(1000 * one.changed).toLocaleString(),
          () => this.open(() => this.api.open({ id: one.id })))));
    } catch (error) {
      this.error.textContent = error.message;
    }
  }

  // Opening a segmentation needs a scan.
  segmentation() {
    if (this.state.scan) this.labels.click();
    else this.status.say('Open a scan first.');
  }

  // List a folder on the server.
  async enter(path) {
    const section = document.querySelector('#on-server');
    try {
      const { entries } = await this.api.folder(path);
      section.hidden = false;
      document.querySelector('#server-path').textContent = path && `, ${path}`;
      this.list.replaceChildren(...(path ? [this.row('..', 'folder up',
        () => this.enter(path.split('/').slice(0, -1).join('/')))] : []),
      ...entries.map((one) => this.row(one.name, one.annotated
        ? 'segmented' : one.kind, () => (
        one.kind === 'folder' ? this.enter(one.path)
          : this.open(() => this.api.open({ path: one.path }))))));
    } catch (error) {
      // A server may share no folder.
      if (error.status === 403) section.hidden = true;
      else this.error.textContent = error.message;
    }
  }

  row(name, kind, run) {
    const item = document.createElement('li');
    const button = document.createElement('button');
    const [first, second] = [document.createElement('span'),
      document.createElement('span')];
    first.textContent = name;
    second.textContent = kind;
    second.className = 'kind';
    button.append(first, second);
    button.addEventListener('click', run);
    item.append(button);
    return item;
  }

  send(files) {
    return this.open(() => this.api.openFiles(files, (done, count) => (
      this.status.busy(count > 1 ? `Sending ${done} of ${count} files`
        : 'Sending'))));
  }

  async open(ask) {
    this.status.busy('Opening');
    this.dialog.classList.add('waiting');
    this.error.textContent = '';
    try {
      const scan = await ask();
      this.dialog.close();
      this.onScan(scan);
    } catch (error) {
      this.error.textContent = error.message;
      this.status.fail(error);
    } finally {
      this.dialog.classList.remove('waiting');
      this.status.busy(null);
    }
  }

  openSegmentation(file) {
    return this.session.enqueue('Opening', async () => {
      const scan = await this.api.openSegmentation(file);
      scan.objects.forEach((one) => this.state.setObject(one));
      this.state.setHistory(scan);
      if (this.state.active === null && scan.objects.length) {
        this.state.activate(scan.objects[0].id);
      }
      this.status.say(`${file.name} was opened.`);
    });
  }
}
