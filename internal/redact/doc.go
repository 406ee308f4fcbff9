// Package redact finds secrets in text that goes to a model, a tool or a log, and takes them
// out or refuses the text, as the org's policy says.
//
// platform puts it around models, tools and logs: a Scanner finds, a Handler takes out of
// logs, a Service knows each org's policy. What is found: keys and tokens of known
// shapes, private keys, passwords in connection strings, authorization headers, values of
// high entropy that are assigned to names like password, and the exact values that it is
// told: canaries, and secrets that an org keeps, also when they are encoded.
//
// It reads a text once, through one automaton of all keywords; only where a keyword stands
// the rule that it belongs to looks closer. All expressions are RE2, and none looks further
// than a bound, so that no text makes it slow. It never keeps, logs or returns a secret that
// it found: findings are places and kinds. A text without a secret comes back as it is.
package redact
