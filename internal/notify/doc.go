// Package notify tells people and programs that something has happened: those who watch a
// stream or an org live, each user by an inbox and by e-mail, other programs by webhooks.
//
// Hub wakes who waits within this process. Service is a consumer of the bus: it makes a Notice of each event that is worth one, and what is to
// be sent of it, durably and once for each event, however often that comes; Run sends what is
// due, again by a schedule until it is taken or given up. httpapi offers its commands;
// platform wires it, and gives it the client that reaches only what may be reached.
//
// It never decides who may read what (identity's policy does), never sends a secret or,
// unless an endpoint was made for that, what was said in a prompt, and never follows a
// redirect.
package notify
