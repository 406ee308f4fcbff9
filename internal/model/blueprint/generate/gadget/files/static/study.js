// Studying: one card at a time, its back after a guess, then whether it was known.
import { change, list } from "./api.js";
import { h } from "./dom.js";
import { toast } from "./toast.js";
import { begin, current, flip, isDone, sort } from "./deck.js";

const PAGE = 500;

// Show the study tab in root. entity is the cards'.
export async function show(root, entity) {
  const cards = await all(entity);
  if (cards.length === 0) {
    root.replaceChildren(h("p", { class: "empty" }, "There are no cards yet. Add the first one, then study it here."));
    return;
  }
  overview(root, entity, cards);
}

async function all(entity) {
  const cards = [];
  for (;;) {
    const { items, total } = await list(entity, { limit: PAGE, offset: cards.length });
    cards.push(...items);
    if (items.length === 0 || cards.length >= total) return cards;
  }
}

// Say how far the deck is known, and offer to study all of it or the rest.
function overview(root, entity, cards) {
  const unknown = cards.filter((card) => !card.known);
  const known = cards.length - unknown.length;
  const study = (chosen) => () => round(root, entity, cards, begin(chosen));
  root.replaceChildren(
    h("section", { class: "study stack" },
      h("p", {}, `You know ${known} of ${cards.length} cards.`),
      h("progress", { max: cards.length, value: known, "aria-label": "Cards that you know" }),
      h("div", { class: "row" },
        unknown.length > 0 && known > 0
          ? h("button", { class: "button primary", type: "button", onclick: study(unknown) }, `Study the other ${unknown.length}`)
          : null,
        h("button", { class: known > 0 && unknown.length > 0 ? "button" : "button primary", type: "button", onclick: study(cards) },
          `Study all ${cards.length}`),
      ),
    ),
  );
  root.querySelector("button").focus();
}

// Go through a deck. cards are all of them, for the overview after it.
function round(root, entity, cards, deck) {
  function set(next) {
    deck = next;
    if (isDone(deck)) summary(root, entity, cards, deck);
    else draw();
  }

  function draw() {
    const card = current(deck);
    root.replaceChildren(
      h("section", { class: "study stack", onkeydown: press },
        h("p", { class: "muted" }, `Card ${deck.at + 1} of ${deck.queue.length}`),
        h("progress", { max: deck.queue.length, value: deck.at, "aria-label": "Progress" }),
        h("button", { class: deck.isFlipped ? "face back" : "face", type: "button", onclick: () => set(flip(deck)) },
          h("span", { class: "side" }, deck.isFlipped ? "Back" : "Front"),
          h("span", { class: "words", "aria-live": "polite" }, deck.isFlipped ? card.back : card.front),
        ),
        h("div", { class: "row verdict" },
          h("button", { class: "button", type: "button", onclick: () => answer(false) }, "Still learning"),
          h("button", { class: "button primary", type: "button", onclick: () => answer(true) }, "I know it"),
        ),
        h("p", { class: "muted keys" }, "Space flips the card, ← is still learning, → is known."),
      ),
    );
    root.querySelector(".face").focus();
  }

  function press(event) {
    if (event.key === "ArrowLeft") answer(false);
    else if (event.key === "ArrowRight") answer(true);
    else return;
    event.preventDefault();
  }

  async function answer(isKnown) {
    const card = current(deck);
    set(sort(deck, isKnown));
    if (Boolean(card.known) === isKnown) return;
    card.known = isKnown;
    try {
      await change(entity, card, { known: isKnown });
    } catch (problem) {
      toast(`That wasn't saved: ${problem.message}`);
    }
  }

  draw();
}

function summary(root, entity, cards, deck) {
  const again = deck.unknown.length > 0
    ? h("button", { class: "button primary", type: "button", onclick: () => round(root, entity, cards, begin(deck.unknown)) },
        `Once more with the ${deck.unknown.length} you missed`)
    : null;
  root.replaceChildren(
    h("section", { class: "study stack" },
      h("h2", { tabindex: "-1" }, `${deck.known.length} of ${deck.queue.length} known`),
      h("div", { class: "row" },
        again,
        h("button", { class: "button", type: "button", onclick: () => overview(root, entity, cards) }, "Back to the deck"),
      ),
    ),
  );
  root.querySelector("h2").focus();
}
