// The list of objects.

export class ObjectList {
  constructor(element, state, session) {
    Object.assign(this, { element, state, session });
    state.addEventListener('objects', () => this.update());
  }

  update() {
    const { state, element } = this;
    const rows = [...state.objects.values()].map((one) => (
      this.rows?.get(one.id) ?? this.makeRow(one.id)));
    this.rows = new Map(rows.map((row) => [row.id, row]));
    for (const [i, one] of [...state.objects.values()].entries()) {
      const row = rows[i];
      const isActive = one.id === state.active;
      row.item.classList.toggle('active', isActive);
      row.select.setAttribute('aria-pressed', isActive);
      row.select.title = `Work on ${one.name}`;
      row.select.setAttribute('aria-label', row.select.title);
      row.swatch.style.background = one.colour;
      if (document.activeElement !== row.name) row.name.value = one.name;
      row.eye.setAttribute('aria-pressed', one.isShown);
      const count = [...one.masks.slices.values()].filter(
        (mask) => mask.count).length;
      const millilitres = state.millilitres(one);
      row.size.textContent = count ? `${this.volume(millilitres)} · ${count} `
        + `${count === 1 ? 'slice' : 'slices'}` : 'no mask yet';
    }
    const items = rows.map((row) => row.item);
    // An item that moves would lose the focus.
    if (items.length !== element.children.length
      || items.some((item, i) => item !== element.children[i])) {
      element.replaceChildren(...items);
    }
    document.querySelector('#no-objects').hidden = rows.length > 0;
  }

  volume(millilitres) {
    if (!this.state.scan.in_space) return 'mask';
    return `${millilitres.toFixed(millilitres < 10 ? 2 : 1)} mL`;
  }

  makeRow(id) {
    const { state, session } = this;
    const copy = document.querySelector('#object-row').content.cloneNode(true);
    const item = copy.firstElementChild;
    const find = (name) => item.querySelector(`.${name}`);
    const row = { id, item, select: find('select'), swatch: find('swatch'),
      name: find('name'), eye: find('eye'), size: find('size') };
    row.select.addEventListener('click', () => state.activate(id));
    row.name.addEventListener('focus', () => state.activate(id));
    row.name.addEventListener('change', () => {
      const name = row.name.value.trim();
      if (name) session.rename(id, name);
      else row.name.value = state.objects.get(id).name;
    });
    row.eye.addEventListener('click', () => this.toggle(id));
    find('remove').addEventListener('click', () => session.remove(id));
    return row;
  }

  toggle(...ids) {
    const ones = ids.map((id) => this.state.objects.get(id)).filter(Boolean);
    const isShown = !ones.every((one) => one.isShown);
    ones.forEach((one) => { one.isShown = isShown; });
    this.state.tell('objects');
    this.state.tell('view');
  }

  rename(id) {
    const input = this.rows.get(id)?.name;
    input?.focus();
    input?.select();
  }
}
