package core

// ActorKind says what kind of actor acts.
type ActorKind string

// The kinds of actor.
const (
	ActorUser   ActorKind = "user"
	ActorKey    ActorKind = "key"
	ActorWorker ActorKind = "worker"
	ActorSystem ActorKind = "system"
)

// Actor is who acts.
type Actor struct {
	Kind ActorKind `json:"kind"`
	ID   string    `json:"id"`
}

// Scope says for whom a call acts: an explicit parameter of every call that
// touches a tenant's data, made from the credential alone, and never hidden in
// a context.
type Scope struct {
	Org     OrgID
	Project ProjectID
	Actor   Actor
}

// Valid returns nil if the scope names an org, a project and an actor, and an
// internal error otherwise: a scope without a tenant is a programming mistake.
func (s Scope) Valid() error {
	if s.Org == "" || s.Project == "" || s.Actor.Kind == "" {
		return &Error{Code: Internal, Op: "scope", Msg: "a call without a tenant"}
	}
	return nil
}

// As returns the same tenant with another actor.
func (s Scope) As(kind ActorKind, id string) Scope {
	s.Actor = Actor{Kind: kind, ID: id}
	return s
}
