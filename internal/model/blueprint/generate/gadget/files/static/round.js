// The rules of a round of the quiz. Pure: a state goes in, a new state comes out.

const MOST_CHOICES = 4;

// Begin a round: the questions and the choices of each in a random order. A
// question is { text, answer, wrong: [...] }; one without wrong answers borrows those
// of the others, and is left out if there are none to borrow. random is like Math.random.
export function begin(questions, random = Math.random) {
  const asked = questions
    .map((question) => ({ ...question, choices: choices(question, questions, random) }))
    .filter((question) => question.choices.length > 1);
  return { questions: shuffled(asked, random), at: 0, picked: null, right: 0, missed: [] };
}

export function current(round) {
  return round.questions[round.at] ?? null;
}

export function isOver(round) {
  return round.at >= round.questions.length;
}

// Answer the current question. Only the first answer counts.
export function pick(round, choice) {
  const question = current(round);
  if (question === null || round.picked !== null) return round;
  const isRight = choice === question.answer;
  return {
    ...round,
    picked: choice,
    right: round.right + (isRight ? 1 : 0),
    missed: isRight ? round.missed : [...round.missed, { question, picked: choice }],
  };
}

// Go on to the next question, once this one is answered.
export function next(round) {
  return round.picked === null ? round : { ...round, at: round.at + 1, picked: null };
}

function choices(question, questions, random) {
  const others = question.wrong.length > 0 ? question.wrong : questions.map(({ answer }) => answer);
  const wrong = [...new Set(others)].filter((choice) => choice !== question.answer);
  return shuffled([question.answer, ...shuffled(wrong, random).slice(0, MOST_CHOICES - 1)], random);
}

// The items in a random order (Fisher and Yates).
function shuffled(items, random) {
  const order = [...items];
  for (let i = order.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [order[i], order[j]] = [order[j], order[i]];
  }
  return order;
}
