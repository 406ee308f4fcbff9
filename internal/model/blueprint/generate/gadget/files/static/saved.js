// Keeps one object in this browser, so that it survives a reload.

// Return what was saved under key, over defaults. Anything of another shape is ignored.
export function load(key, defaults) {
  try {
    const saved = JSON.parse(localStorage.getItem(key));
    const fits = saved && Object.keys(defaults).every((name) => name in saved);
    return fits ? saved : defaults;
  } catch {
    return defaults; // nothing saved, or storage is off
  }
}

// Save an object under key, if this browser lets us.
export function save(key, object) {
  try {
    localStorage.setItem(key, JSON.stringify(object));
  } catch {
    // Storage is full or off: everything works on, until the page is left.
  }
}
