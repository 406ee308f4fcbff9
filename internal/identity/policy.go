package identity

import (
	"net/netip"
	"slices"

	"github.com/isekai-run/isekai/internal/core"
)

// Action is what a request wants to do. Every route names one.
type Action string

// The actions.
const (
	HealthRead        Action = "health.read"
	TaskRead          Action = "task.read"
	TaskWrite         Action = "task.write"
	ApprovalWrite     Action = "approval.write" // what a task asks a person
	AppRead           Action = "app.read"
	AppWrite          Action = "app.write"
	AppMove           Action = "app.move" // without its data
	UsageRead         Action = "usage.read"
	CreditRead        Action = "credit.read"
	BudgetWrite       Action = "budget.write"
	OrgRead           Action = "org.read"
	OrgWrite          Action = "org.write" // its name
	MemberRead        Action = "member.read"
	MemberWrite       Action = "member.write" // invitations and services, too
	ProjectWrite      Action = "project.write"
	KeyRead           Action = "key.read"  // of others; one's own are Self
	KeyWrite          Action = "key.write" // for others and for services
	SecretRead        Action = "secret.read"
	SecretWrite       Action = "secret.write"
	AuditRead         Action = "audit.read"
	RedactRead        Action = "redact.read"
	RedactWrite       Action = "redact.write"
	ModelRead         Action = "model.read"  // which providers and routes there are
	ModelWrite        Action = "model.write" // them, and what becomes of an org's calls
	ModelUse          Action = "model.use"   // calls
	PromptRead        Action = "prompt.read" // what was said in calls, where an org keeps that
	PromptWrite       Action = "prompt.write"
	EventRead         Action = "event.read"  // the org's events, as far as each may be read
	NotifyRead        Action = "notify.read" // one's own notices
	NotifyWrite       Action = "notify.write"
	WebhookRead       Action = "webhook.read"
	WebhookWrite      Action = "webhook.write"
	MCPRead           Action = "mcp.read"
	MCPWrite          Action = "mcp.write"    // which servers there are, and calls of their tools outside of tasks
	MemoryRead        Action = "memory.read"  // documents and facts, and what is found in them
	MemoryWrite       Action = "memory.write" // to add and to remove them
	MemoryAllow       Action = "memory.allow" // whether anything may be remembered
	EgressRead        Action = "egress.read"  // which hosts a project's sandboxes may reach
	EgressWrite       Action = "egress.write"
	SkillRead         Action = "skill.read"
	SkillWrite        Action = "skill.write" // what agents are taught
	WatchRead         Action = "watch.read"
	ConversationRead  Action = "conversation.read"
	ConversationWrite Action = "conversation.write"
	WatchWrite        Action = "watch.write"
	PermissionRead    Action = "permission.read" // which calls of tools are allowed
	PermissionWrite   Action = "permission.write"
	RepositoryRead    Action = "repository.read" // the git repositories that tasks begin with
	RepositoryWrite   Action = "repository.write"
	// Self is what people do about themselves: their password, sessions, second factor
	// and own keys. No key may.
	Self Action = "self"
	// What concerns the whole installation, for the members of core.Installation.
	OperateRead Action = "operate.read"
	Operate     Action = "operate"
	// OperatePeople is what makes an operator somebody else, or lets somebody in: users,
	// their passwords and addresses, the members and owners of any org.
	OperatePeople Action = "operate.people"
)

// rule is what an action takes. What makes a credential, or lets one do more (budgets and
// the policy of what may leave bound what keys do), has no scope: a key would outlive itself
// in what it has made. Nor has what others have said.
type rule struct {
	where place
	role  core.Role // at least, in the org of the credential
	scope string    // that a key needs; "": no key may
}

// place says in which orgs there is something to do.
type place int

const (
	tenant       place = iota // in all but core.Installation
	anywhere                  // in core.Installation, too: its members are the operators
	installation              // in core.Installation alone
)

// anyKey stands for a scope that every key has.
const anyKey = "*"

// policy is the whole of it. What isn't here nobody may.
var policy = map[Action]rule{
	HealthRead:        {anywhere, core.Viewer, anyKey},
	TaskRead:          {tenant, core.Viewer, "tasks:read"},
	TaskWrite:         {tenant, core.Member, "tasks:write"},
	ApprovalWrite:     {tenant, core.Member, "approvals:write"},
	AppRead:           {tenant, core.Viewer, "apps:read"},
	AppWrite:          {tenant, core.Member, "apps:write"},
	AppMove:           {tenant, core.Admin, "apps:write"},
	UsageRead:         {tenant, core.Viewer, "usage:read"},
	CreditRead:        {tenant, core.Viewer, "credits:read"},
	BudgetWrite:       {tenant, core.Admin, ""},
	OrgRead:           {anywhere, core.Viewer, "org:read"},
	OrgWrite:          {tenant, core.Owner, "org:write"},
	MemberRead:        {anywhere, core.Member, "org:read"},
	MemberWrite:       {anywhere, core.Admin, ""},
	ProjectWrite:      {tenant, core.Admin, "org:write"},
	KeyRead:           {anywhere, core.Admin, "org:read"},
	KeyWrite:          {anywhere, core.Admin, ""},
	SecretRead:        {tenant, core.Member, "secrets:read"},
	SecretWrite:       {tenant, core.Admin, "secrets:write"},
	AuditRead:         {anywhere, core.Admin, "audit:read"},
	RedactRead:        {tenant, core.Admin, "org:read"},
	RedactWrite:       {tenant, core.Admin, ""},
	ModelRead:         {tenant, core.Viewer, "models:read"},
	ModelWrite:        {tenant, core.Admin, "models:write"},
	ModelUse:          {tenant, core.Member, "models:use"},
	PromptRead:        {tenant, core.Admin, ""},
	PromptWrite:       {tenant, core.Admin, ""},
	EventRead:         {tenant, core.Viewer, anyKey},
	NotifyRead:        {tenant, core.Viewer, "notify:read"},
	NotifyWrite:       {tenant, core.Viewer, "notify:write"},
	WebhookRead:       {tenant, core.Admin, "notify:read"},
	WebhookWrite:      {tenant, core.Admin, "notify:write"},
	MCPRead:           {tenant, core.Viewer, "mcp:read"},
	MCPWrite:          {tenant, core.Admin, "mcp:write"},
	MemoryRead:        {tenant, core.Viewer, "memory:read"},
	MemoryWrite:       {tenant, core.Member, "memory:write"},
	MemoryAllow:       {tenant, core.Admin, ""},
	EgressRead:        {tenant, core.Member, "org:read"},
	EgressWrite:       {tenant, core.Admin, ""},
	SkillRead:         {tenant, core.Viewer, "skills:read"},
	SkillWrite:        {tenant, core.Admin, "skills:write"},
	ConversationRead:  {tenant, core.Viewer, "conversations:read"},
	ConversationWrite: {tenant, core.Member, "conversations:write"},
	WatchRead:         {tenant, core.Viewer, "watches:read"},
	WatchWrite:        {tenant, core.Member, "watches:write"},
	PermissionRead:    {tenant, core.Viewer, "tools:read"},
	PermissionWrite:   {tenant, core.Admin, ""},
	RepositoryRead:    {tenant, core.Viewer, "repositories:read"},
	RepositoryWrite:   {tenant, core.Member, "repositories:write"},
	Self:              {anywhere, core.Viewer, ""},
	OperateRead:       {installation, core.Viewer, "operate:read"},
	Operate:           {installation, core.Admin, "operate:write"},

	OperatePeople: {installation, core.Admin, ""},
}

// Actions returns every action of the policy, sorted.
func Actions() []Action {
	all := make([]Action, 0, len(policy))
	for a := range policy {
		all = append(all, a)
	}
	slices.Sort(all)
	return all
}

// Scopes returns every scope that a key can have, sorted.
func Scopes() []string {
	var all []string
	for _, r := range policy {
		if r.scope != "" && r.scope != anyKey {
			all = append(all, r.scope)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// Principal is who a credential stands for, and what it may. Its lists are shared with
// others: read them only.
type Principal struct {
	Scope core.Scope
	Role  core.Role // in Scope.Org
	// User is whose rights these are: the actor, or whose key it is.
	User core.UserID
	// Projects are those that it is held to; none: all of the org's.
	Projects []core.ProjectID
	// Key is set for an API key, which may what its Scopes say and its Role may.
	Key    core.KeyID
	Scopes []string
	// Session is set for a person who signed in.
	Session string
	// Astray says that Scope.Project isn't one that it may use: it may do nothing in the org.
	// What is its own, as its sessions, is.
	Astray bool
	// Operates gives the rights of an operator besides those in Scope.Org: only the
	// owner of an embedded installation, who can read its files, has both.
	Operates bool
	// Address is whence the request came; the zero one if that isn't known.
	Address netip.Addr
}

// May returns nil if the principal may do the action, and denied otherwise. It is asked
// before any data is read.
func (p Principal) May(a Action) error {
	const op = "policy"
	r, known := policy[a]
	if !known {
		return core.E(core.Denied, op, "nobody may "+string(a))
	}
	if p.Key != "" {
		if r.scope == "" {
			return core.E(core.Denied, op, "an API key can't do this").WithHint("sign in")
		}
		if r.scope != anyKey && !slices.Contains(p.Scopes, r.scope) {
			return core.E(core.Denied, op, "the API key lacks the scope "+r.scope).WithHint("make a key that has it: isekai key create --scope " + r.scope)
		}
	}
	switch {
	case r.where == installation && p.Operates:
		return nil
	case r.where == installation && p.Scope.Org != core.Installation:
		return core.E(core.Denied, op, "this concerns the whole installation").WithHint("an operator does it: isekai org enter org_installation, for who is one, or with the data directory")
	case r.where == tenant && p.Scope.Org == core.Installation:
		return core.E(core.Denied, op, "there are no tasks, apps or credits of an operator's").WithHint("isekai org enter ORG; or name the org, where the command has --org or --all")
	case r.where == tenant && p.Astray:
		return missing("project")
	case len(p.Projects) > 0 && r.role.Covers(core.Admin):
		return core.E(core.Denied, op, "this concerns the whole org, and the credential is held to projects of it").WithHint("use one that isn't")
	case !p.Role.Covers(r.role):
		return core.E(core.Denied, op, "this takes the role "+string(r.role)+", and yours is "+string(p.Role)).WithHint("ask an admin of the org")
	}
	return nil
}

// MayUse reports whether the principal isn't held to other projects than this one.
func (p Principal) MayUse(project core.ProjectID) bool {
	return len(p.Projects) == 0 || slices.Contains(p.Projects, project)
}

// LocalUser is who acts in an embedded installation: whoever can read its files.
const LocalUser core.UserID = "usr_local"

// Local returns the principal of an embedded installation's own token.
func Local() Principal {
	return Principal{
		Scope: core.Scope{Org: core.DefaultOrg, Project: core.DefaultProject, Actor: core.Actor{Kind: core.ActorUser, ID: string(LocalUser)}},
		Role:  core.Owner, User: LocalUser, Operates: true,
	}
}
