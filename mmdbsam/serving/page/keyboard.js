// All that keys do: one table, from which the sheet of help is made too.

const STEP = 10;

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1],
  ArrowDown: [0, 1] };
const arrows = (modifier) => Object.keys(ARROWS).map((key) => modifier + key);
const arrowOf = (key) => ARROWS[key.split('+').pop()];

// The entries are keys, what they do in words, and what they do, given the key.
export function actions(app) {
  const { state, session } = app;
  const turn = (steps) => () => app.moveCursor(0, 0, steps);
  const move = (key, by) => app.moveCursor(...arrowOf(key).map(
    (one) => one * by));
  const tool = (name) => () => app.chooseTool(name);
  return [
    ['See', [
      [['PageUp', 'j'], 'next slice', turn(1)],
      [['PageDown', 'k'], 'previous slice', turn(-1)],
      [['Shift+PageUp'], 'ten slices on', turn(STEP)],
      [['Shift+PageDown'], 'ten slices back', turn(-STEP)],
      [['1'], 'large axial slices', () => app.enlarge('axial')],
      [['2'], 'large coronal slices', () => app.enlarge('coronal')],
      [['3'], 'large sagittal slices', () => app.enlarge('sagittal')],
      [['+', '='], 'zoom in at the cursor', () => app.zoom(1.25)],
      [['-'], 'zoom out', () => app.zoom(0.8)],
      [['0'], 'whole slice', () => app.view.reset()],
      [arrows('Ctrl+'), 'pan', (key) => app.view.panBy(...arrowOf(key).map(
        (one) => -40 * one))],
      [['w'], 'next window preset', () => app.nextPreset()],
      [['<'], 'narrower window', () => app.changeWindow(0, 0.9)],
      [['>'], 'wider window', () => app.changeWindow(0, 1.1)],
      [[','], 'brighter', () => app.changeWindow(-0.05, 1)],
      [['.'], 'darker', () => app.changeWindow(0.05, 1)],
      [['h'], 'fill masks, or only outline them', () => {
        state.fills = !state.fills;
        state.tell('view');
      }],
    ]],
    ['Choose a tool', [
      [['b'], 'box', tool('box')],
      [['t'], '3-D box', tool('span')],
      [['c'], 'click', tool('click')],
      [['s'], 'scribble', tool('scribble')],
      [['l'], 'lasso', tool('lasso')],
      [['p'], 'paint', tool('paint')],
      [['e'], 'erase', tool('erase')],
      [['g'], 'grey-value window', tool('window')],
      [['{'], 'smaller brush', () => app.changeBrush(-1)],
      [['}'], 'larger brush', () => app.changeBrush(1)],
    ]],
    ['Use it without a mouse', [
      [arrows(''), 'move the cursor', (key) => move(key, 1)],
      [arrows('Shift+'), 'by ten pixels', (key) => move(key, STEP)],
      [['Space'], 'click at the cursor; begin and end a box or a line',
        () => app.pressAtCursor(true)],
      [['Shift+Space'], 'the same on the background',
        () => app.pressAtCursor(false)],
      [['Escape'], 'give up a box or a line; stop following',
        () => app.cancel()],
    ]],
    ['Work on objects', [
      [['n'], 'new object', () => session.newObject()],
      [[']'], 'next object', () => app.nextObject(1)],
      [['['], 'previous object', () => app.nextObject(-1)],
      [['r'], 'rename the object', () => app.renameActive()],
      [['v'], 'show or hide the object', () => app.toggleShown(false)],
      [['Shift+v'], 'show or hide all objects', () => app.toggleShown(true)],
      [['f'], 'follow it through the slices', () => session.follow()],
      [['a'], 'accept this slice as it is', () => session.accept()],
      [['Delete'], 'remove the object', () => app.removeActive()],
      [['Ctrl+z', 'u'], 'undo', () => session.undo()],
      [['Ctrl+y', 'y', 'Ctrl+Shift+z'], 'redo', () => session.redo()],
    ]],
    ['Files', [
      [['o'], 'open a scan', () => app.opening.show()],
      [['i'], 'open a saved segmentation', () => app.opening.segmentation()],
      [['Ctrl+s'], 'save', () => app.saving.show()],
      [['?'], 'this sheet', () => app.showHelp()],
    ]],
  ];
}

// A key as the table writes it. Symbols such as ? need no Shift there.
function nameOf(event) {
  let key = event.key === ' ' ? 'Space' : event.key;
  const isLetter = key.length === 1 && key.toLowerCase() !== key.toUpperCase();
  if (isLetter) key = key.toLowerCase();
  const isSymbol = key.length === 1 && !isLetter;
  return [event.ctrlKey || event.metaKey ? 'Ctrl+' : '',
    event.shiftKey && !isSymbol ? 'Shift+' : '', key].join('');
}

export function listen(table) {
  const byKey = new Map(table.flatMap(([, rows]) => rows.flatMap(
    ([keys, , run]) => keys.map((key) => [key, run]))));
  document.addEventListener('keydown', (event) => {
    const name = nameOf(event);
    const { target } = event;
    if (event.altKey || document.querySelector('dialog[open]')) return;
    if (target.matches('input, select, textarea')) {
      if (['Escape', 'Enter'].includes(event.key)) {
        document.querySelector('#large').focus();
      }
      return;
    }
    // Space presses a button that has the focus.
    if (target.matches('button, summary, a') && /Space$|Enter$/.test(name)) {
      return;
    }
    const run = byKey.get(name);
    if (run) {
      event.preventDefault();
      run(name);
    }
  });
}

const SHOWN = { ArrowLeft: '←', ArrowRight: '→', ArrowUp: '↑',
  ArrowDown: '↓', Escape: 'Esc', PageUp: 'Page Up', PageDown: 'Page Down' };

// The sheet of help: a list for each group.
export function sheet(table) {
  const page = document.createDocumentFragment();
  for (const [title, rows] of table) {
    const section = document.createElement('section');
    const heading = document.createElement('h3');
    heading.textContent = title;
    const list = document.createElement('dl');
    for (const [all, words] of rows) {
      // All four arrows are shown as one.
      const keys = all.length === 4 ? [all[0].replace('ArrowLeft', '← → ↑ ↓')]
        : all;
      const term = document.createElement('dt');
      keys.slice(0, 2).forEach((key, i) => {
        if (i) term.append(' ');
        const shown = document.createElement('kbd');
        shown.textContent = key === '+' ? key : key.split('+').map((part) => (
          SHOWN[part] ?? part)).join(' ');
        term.append(shown);
      });
      const meaning = document.createElement('dd');
      meaning.textContent = words;
      list.append(term, meaning);
    }
    section.append(heading, list);
    page.append(section);
  }
  return page;
}
