// The search field: its words stand in the address, too, so that a search can be linked to.
const field = document.getElementById('q'), rows = document.getElementById('rows'), told = document.getElementById('told');
const first = [...rows.children], firstTold = told.textContent;
function whenAsked(search) {
  function ask() {
    const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
    history.replaceState(null, '', words.length ? '#q=' + encodeURIComponent(field.value) : location.pathname);
    if (words.length) {
      search(words);
      return;
    }
    rows.replaceChildren(...first);
    told.textContent = firstTold;
  }
  function fromAddress() {
    const asked = new URLSearchParams(location.hash.slice(1)).get('q');
    if (asked !== null) {
      field.value = asked;
      ask();
    }
  }
  field.addEventListener('input', ask);
  field.form.addEventListener('submit', event => event.preventDefault());
  window.addEventListener('hashchange', fromAddress);
  fromAddress();
}
