// The sound at the end: three short tones, made here so that there is nothing to download.

let audio;

// Get the sound ready. Browsers allow it only while a person presses something.
export function arm() {
  audio ??= new AudioContext();
  audio.resume();
}

export function ring() {
  if (!audio) return;
  for (const [i, pitch] of [660, 660, 880].entries()) {
    const begin = audio.currentTime + i * 0.3;
    const tone = new OscillatorNode(audio, { frequency: pitch });
    const volume = new GainNode(audio, { gain: 0 });
    volume.gain.setValueAtTime(0, begin);
    volume.gain.linearRampToValueAtTime(0.3, begin + 0.02);
    volume.gain.exponentialRampToValueAtTime(0.001, begin + 0.25);
    tone.connect(volume).connect(audio.destination);
    tone.start(begin);
    tone.stop(begin + 0.28);
  }
}
