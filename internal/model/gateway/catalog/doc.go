// Package catalog knows where models are: the providers (addresses, credentials by name,
// limits), the routes (names that callers ask for, and where such calls go), and what an org
// has set about its calls.
//
// The gateway asks it for a View, which is immutable, and has that resolve names on the way
// of each call. httpapi offers the commands. Everything is in store.Records, which package
// vault seals: an org's under the org, the installation's, which all orgs have, under
// core.Installation. A change is seen at once on the node that made it, and within seconds on
// others.
//
// It never opens a connection, never holds a secret longer than seconds and never keeps one:
// a provider names a credential of the vault. It never asks whether a caller may; identity's
// policy has.
package catalog
