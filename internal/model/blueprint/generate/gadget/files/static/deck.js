// The rules of studying a deck of flash cards. Pure: a state goes in, a new state
// comes out.

// Begin with cards in a random order. random is like Math.random.
export function begin(cards, random = Math.random) {
  return { queue: shuffled(cards, random), at: 0, isFlipped: false, known: [], unknown: [] };
}

export function current(deck) {
  return deck.queue[deck.at] ?? null;
}

export function isDone(deck) {
  return deck.at >= deck.queue.length;
}

export function flip(deck) {
  return isDone(deck) ? deck : { ...deck, isFlipped: !deck.isFlipped };
}

// Put the current card with the known or the unknown ones, and go on to the next.
export function sort(deck, isKnown) {
  const card = current(deck);
  if (card === null) return deck;
  const pile = isKnown ? "known" : "unknown";
  return { ...deck, at: deck.at + 1, isFlipped: false, [pile]: [...deck[pile], card] };
}

// Return the items in a random order (Fisher and Yates).
export function shuffled(items, random = Math.random) {
  const order = [...items];
  for (let i = order.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [order[i], order[j]] = [order[j], order[i]];
  }
  return order;
}
