// Filters the packages; the whole index is loaded when somebody searches, and shown as text, never as markup.
const field = document.getElementById('q'), rows = document.getElementById('rows'), told = document.getElementById('told');
const first = [...rows.children], firstTold = told.textContent, most = 200;
const home = document.body.dataset.home;
let loaded;
function packages() {
  loaded ??= fetch('packages.json').then(answer => {
    if (!answer.ok) throw new Error(answer.status);
    return answer.json();
  });
  return loaded;
}
function row(one) {
  const tr = document.createElement('tr');
  one.slice(0, 5).forEach((text, at) => {
    const td = document.createElement('td');
    if (at === 0) {
      const a = document.createElement('a');
      a.href = home + one[5];
      a.textContent = text;
      td.append(a);
    } else {
      td.textContent = text;
    }
    if (at === 3) td.className = 'number';
    if (at === 4) td.className = 'long';
    tr.append(td);
  });
  return tr;
}
async function search() {
  const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
  history.replaceState(null, '', words.length ? '#q=' + encodeURIComponent(field.value) : location.pathname);
  if (!words.length) {
    rows.replaceChildren(...first);
    told.textContent = firstTold;
    return;
  }
  const asked = field.value;
  let all;
  try {
    all = await packages();
  } catch (error) {
    loaded = undefined;
    told.textContent = 'The index cannot be loaded: ' + error.message;
    return;
  }
  if (asked !== field.value) return;
  const rank = one => words.includes(one[0].toLowerCase()) ? 0 : words.every(word => one[0].toLowerCase().includes(word)) ? 1 : 2;
  const found = all.filter(one => {
    const text = (one[0] + ' ' + one[1] + ' ' + one[2] + ' ' + one[4]).toLowerCase();
    return words.every(word => text.includes(word));
  }).sort((one, other) => rank(one) - rank(other));
  rows.replaceChildren(...found.slice(0, most).map(row));
  told.textContent = found.length + ' of ' + all.length + ' packages' + (found.length > most ? ', the first ' + most + ' are shown' : '');
}
function fromAddress() {
  const asked = new URLSearchParams(location.hash.slice(1)).get('q');
  if (asked !== null) {
    field.value = asked;
    search();
  }
}
field.addEventListener('input', search);
field.form.addEventListener('submit', event => event.preventDefault());
window.addEventListener('hashchange', fromAddress);
fromAddress();
