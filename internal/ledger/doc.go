// Package ledger keeps each org's credits: what it was granted, what its tasks hold, what
// they have spent, and its budgets.
//
// The books are double entry (store.Books): credits only ever move from one account to
// another (account.go), and the database refuses what would bring one below zero. People
// give commands (command.go, budget.go, price.go). Tasks are charged by their events alone
// (handler.go): a request for credits holds them, a settled call consumes, the end
// releases the rest. Calls that no task makes are charged by holds (hold.go): one is for many
// calls of a key, its node asks for credits itself, and its events consume and release. Each posting is named by the event or the command that it is the
// effect of, and what is released follows from the task's entries; so doubled, late and
// disordered events, and a crash between any two steps, leave the same balances.
//
// Two things come with time, and platform's meter calls for them: grants expire
// (expiry.go, expire.go), the earliest being used first, and what an org keeps is paid for
// a day at a time (storage.go). Which grant was used isn't noted call by call but in one
// go before it matters: before another grant is made, and before one expires. So an org
// that has none that expire pays nothing for those that have.
//
// platform also subscribes the handler, and hands Service to the workers, for its prices, and to
// httpapi. The package never talks to a model, never ends a task, and never changes an
// entry.
package ledger
