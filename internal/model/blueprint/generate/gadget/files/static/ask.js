// Asks the server to work something out.

// What was asked can't be worked out: errors maps a field's name to what is wrong with it.
export class Refusal extends Error {
  constructor(errors) {
    super(Object.values(errors).join(" "));
    this.errors = errors;
  }
}

// Post data to /api/<path> and return the answer. Rejects with a Refusal, or with an Error to show as it is.
export async function ask(path, data, { signal } = {}) {
  let response;
  try {
    response = await fetch(`/api/${path}`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(data),
      signal,
    });
  } catch (problem) {
    if (problem.name === "AbortError") throw problem;
    throw new Error("The app doesn't answer. Is it still running?");
  }
  const answer = await response.json().catch(() => ({}));
  if (response.status === 422 && answer.errors) throw new Refusal(answer.errors);
  if (!response.ok) throw new Error("That went wrong. Please try again.");
  return answer;
}
