package core

// Role is what a user may do in an org. Each role may what the ones before it may.
type Role string

// The roles, least first.
const (
	Viewer Role = "viewer" // sees
	Member Role = "member" // works: creates tasks and apps
	Admin  Role = "admin"  // manages members, keys, secrets and budgets
	Owner  Role = "owner"  // decides about the org itself
)

// Roles are all roles, least first.
var Roles = []Role{Viewer, Member, Admin, Owner}

// Rank is a role's place among Roles from 1, and 0 for what is no role.
func (r Role) Rank() int {
	for i, known := range Roles {
		if r == known {
			return i + 1
		}
	}
	return 0
}

// Covers reports whether r may what other may.
func (r Role) Covers(other Role) bool { return other.Rank() > 0 && r.Rank() >= other.Rank() }
