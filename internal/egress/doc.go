// Package egress is the one way out: the HTTP client for every address that a user or a
// model can aim, as in fetching a page, calling a webhook, or reaching an MCP server, an
// issuer or an OAuth provider.
//
// platform makes one Guard and passes its Client to whatever reaches out, and its DialContext
// to sandboxes that may; package hosts has which ones those may reach. A Guard looks at a
// URL before each request and each redirect, resolves its host once, refuses it if any of
// the addresses isn't a public one, and then dials one of those very addresses; so a name
// that changes its address in between (DNS rebinding) leads nowhere else. Operators list what
// may be reached besides. The answer's size, time and redirects are bounded.
//
// It never takes a proxy from the environment, never sends cookies, never carries what was
// meant for one origin to another, and never looks a name up twice for one connection.
package egress
