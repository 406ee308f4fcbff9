// Package meter pays for calls of models that no task makes, and writes down what they used.
//
// The gateway calls Open before a call and Settle after it. Neither waits for the store most of
// the time: a Meter takes a call's credits from a hold, which sets credits aside in the ledger
// for many calls of one API key, and keeps what was settled in memory for at most 250 ms. Then
// the calls of each hold are appended to its stream as one event (core.CallsMetered);
// core.HoldEnded ends the hold: by it the ledger consumes what they cost, and what is left
// goes back. A hold takes
// calls for at most a minute, ends when nobody has called for some seconds, and when the node
// stops. A node that dies loses the calls that it hadn't appended yet, which are those of the
// last 250 ms; its holds are ended by Sweep, which platform calls on one node.
//
// The stream's version is the fence. A node whose hold was ended while it wasn't looking charges
// to another one what it hadn't charged yet, so that nothing is lost and nothing counts twice.
//
// The package never talks to a provider, keeps nothing of what is said, and decides no price.
package meter
