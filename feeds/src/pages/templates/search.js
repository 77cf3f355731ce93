// Filters the packages; the whole index is loaded when somebody searches, and shown as text, never as markup.
const home = document.body.dataset.home, most = 200;
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
async function search(words) {
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
whenAsked(search);
