// A worker that asks the page to look at the clock, four times a second. Browsers slow the timers
// of a page in the background down to one a minute, but not a worker's.

setInterval(() => postMessage("look"), 250);
