// Shows the lines that have all the words.
whenAsked(words => {
  const found = first.filter(row => {
    const text = row.textContent.toLowerCase();
    return words.every(word => text.includes(word));
  });
  rows.replaceChildren(...found);
  told.textContent = found.length + ' of ' + firstTold;
});
