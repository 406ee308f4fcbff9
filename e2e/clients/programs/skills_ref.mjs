// Prints what the format's reference implementation finds wrong with each folder that is named:
// a line of JSON with a list of messages.
import { validate } from 'skills-ref';

for (const folder of process.argv.slice(2)) {
  console.log(JSON.stringify(await validate(folder)));
}
