// Runs the cases of a program, all at once, and prints a line of JSON for each: what it got,
// or what was thrown.
export const at = JSON.parse(process.argv[2]); // url, key, sight, models

export const picture = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';

export async function run(cases) {
  await Promise.all(Object.entries(cases).map(async ([name, f]) => {
    let got;
    try {
      got = await f();
    } catch (e) {
      got = { bug: `${e.constructor.name}: ${e.message}`, stack: e.stack };
    }
    console.log(JSON.stringify({ case: name, got }));
  }));
}

// thrown returns what f throws.
export async function thrown(f) {
  try {
    await f();
  } catch (e) {
    return e;
  }
  throw new Error('nothing was thrown');
}
