package identity

// Kinds are all kinds of records.
var Kinds = []string{
	string(orgs), string(members), string(projects), string(keys), string(invites), string(users), string(emails), string(subjects), string(sessions),
	string(seats), string(tenants), string(keyHomes), string(tickets), string(setups), string(flows), string(grants), string(failures), string(trusted), string(signings),
}
