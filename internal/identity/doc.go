// Package identity says who acts and what they may do: users, orgs, projects and
// memberships, passwords, sessions, tokens, API keys, sign-in by OpenID Connect, and the
// policy.
//
// httpapi asks it about every request, and offers its commands; platform wires it. It
// keeps everything in store.Records, which are sealed: what belongs to an org under that
// org, what belongs to nobody's under core.Installation. It never stores a password, a
// key or a token that could be used from what is stored, never takes an org from anything
// but a credential, and never says whether a user exists to someone who isn't signed in.
package identity
