// The dialog that saves the objects to a file of the user's.

export class Saving {
  constructor(state, api, status) {
    Object.assign(this, { state, api, status });
    this.dialog = document.querySelector('#saving');
    this.list = document.querySelector('#formats');
    this.note = document.querySelector('#kept');
  }

  show() {
    const { scan, objects } = this.state;
    if (!scan || !objects.size) {
      this.status.say('There is no object to save yet.');
      return;
    }
    this.note.textContent = scan.kept ?? '';
    this.list.replaceChildren(...scan.formats.map((format) => {
      const item = document.createElement('li');
      const button = document.createElement('button');
      button.textContent = format.label;
      button.dataset.format = format.suffix;
      button.addEventListener('click', () => this.save(format));
      item.append(button);
      return item;
    }));
    this.dialog.showModal();
  }

  async save({ suffix }) {
    this.dialog.close();
    this.status.busy('Saving');
    const { scan } = this.state;
    try {
      const link = document.createElement('a');
      link.href = URL.createObjectURL(await this.api.saved(suffix));
      link.download = scan.stem + suffix;
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 60000);
      this.status.say(`${link.download} was saved.`);
    } catch (error) {
      this.status.fail(error);
    } finally {
      this.status.busy(null);
    }
  }
}
