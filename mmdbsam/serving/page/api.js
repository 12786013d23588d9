// What the page asks of the server.

export class ApiError extends Error {
  constructor(message, status) {
    super(message);
    this.status = status;
  }
}

const [KEY, SCAN] = ['mmdbsam key', 'mmdbsam scan'];

export class Api {
  // askForKey: returns a promise of the server's key, or of null.
  // onEnd: is told when the server has ended the page's session.
  constructor(askForKey, onEnd) {
    this.askForKey = askForKey;
    this.onEnd = onEnd;
    this.lease = null;
    // The scan stays open to others when the page is left.
    addEventListener('pagehide', () => this.release());
    addEventListener('pageshow', (event) => {
      if (event.persisted) location.reload();
    });
  }

  async fetch(method, path, { json, body, signal } = {}) {
    if (path !== 'lease') await this.claim();
    const headers = this.headers();
    if (json !== undefined) headers['Content-Type'] = 'application/json';
    else if (body !== undefined) {
      headers['Content-Type'] = 'application/octet-stream';
    }
    let answer;
    try {
      answer = await fetch(`api/${path}`, {
        method, headers, signal,
        body: json === undefined ? body : JSON.stringify(json),
      });
    } catch (error) {
      if (error.name === 'AbortError') throw error;
      throw new ApiError('The server does not answer.', 0);
    }
    if (answer.ok) return answer;
    if (answer.status === 401) {
      const given = await this.askForKey('Authorization' in headers);
      if (given) {
        sessionStorage.setItem(KEY, given);
        return this.fetch(method, path, { json, body, signal });
      }
    }
    let message = `The server answered ${answer.status}.`;
    try {
      const { detail } = await answer.json();
      if (typeof detail === 'string') message = detail;
    } catch { /* The answer has no line of its own. */ }
    if (answer.status === 410) {
      this.lease = null;
      this.onEnd();
    }
    throw new ApiError(message, answer.status);
  }

  headers() {
    const headers = {};
    const key = sessionStorage.getItem(KEY);
    if (this.lease) headers['X-Lease-Token'] = this.lease;
    if (key) headers.Authorization = `Bearer ${key}`;
    return headers;
  }

  // Get the right to a session on the server.
  async claim() {
    if (this.lease) return;
    this.claiming ??= this.json('POST', 'lease').then(({ token }) => {
      this.lease = token;
    }).finally(() => { this.claiming = null; });
    await this.claiming;
  }

  release() {
    if (!this.lease) return;
    fetch('api/lease', { method: 'DELETE', headers: this.headers(),
      keepalive: true });
    this.lease = null;
  }

  async json(method, path, options) {
    return (await this.fetch(method, path, options)).json();
  }

  folder(path) {
    return this.json('GET', `files?path=${encodeURIComponent(path)}`);
  }

  segmented() { return this.json('GET', 'scans'); }

  // where: a path on the server, the id of a scan that it keeps, or neither.
  async open(where) {
    const scan = await this.json('POST', 'scan', { json: where });
    sessionStorage.setItem(SCAN, scan.id);
    return scan;
  }

  // The id of the scan that was open last.
  get lastScan() { return sessionStorage.getItem(SCAN); }

  // Send the files of a scan, and open it.
  async openFiles(files, onSent) {
    await this.json('POST', 'upload', { json: {} });
    for (const [done, file] of files.entries()) {
      onSent(done, files.length);
      // Files of a folder that was chosen have paths, those dropped have not.
      const name = encodeURIComponent(file.webkitRelativePath || file.name);
      await this.fetch('PUT', `upload?name=${name}`, { body: file });
    }
    onSent(files.length, files.length);
    return this.open({});
  }

  scan() { return this.json('GET', 'scan'); }

  async voxels(first, count, signal) {
    const answer = await this.fetch('GET',
      `voxels?first=${first}&count=${count}`, { signal });
    return answer.arrayBuffer();
  }

  progress(slice) { return this.json('GET', `progress?slice=${slice}`); }

  addObject(name) {
    return this.json('POST', 'objects', { json: name ? { name } : {} });
  }

  renameObject(object, name) {
    return this.json('PATCH', `objects/${object}`, { json: { name } });
  }

  removeObject(object) { return this.json('DELETE', `objects/${object}`); }

  // action: prompt, paint or accept.
  change(object, action, json) {
    return this.json('POST', `objects/${object}/${action}`, { json });
  }

  undo() { return this.json('POST', 'undo'); }

  redo() { return this.json('POST', 'redo'); }

  // Follow an object, and tell of each slice as soon as it is known.
  async follow(object, slice, onSlice, signal) {
    const answer = await this.fetch('POST', `objects/${object}/follow`,
      { json: { slice }, signal });
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = '';
    for (;;) {
      const { value, done } = await reader.read();
      if (done) break;
      const lines = (rest + value).split('\n');
      rest = lines.pop();
      for (const line of lines) {
        const found = JSON.parse(line);
        if (found.detail) throw new ApiError(found.detail, 400);
        onSlice(found);
      }
    }
  }

  async saved(format) {
    const answer = await this.fetch('GET',
      `segmentation?format=${encodeURIComponent(format)}`);
    return answer.blob();
  }

  openSegmentation(file) {
    return this.json('PUT',
      `segmentation?name=${encodeURIComponent(file.name)}`, { body: file });
  }
}
