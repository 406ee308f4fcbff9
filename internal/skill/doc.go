// Package skill keeps skills: folders with a SKILL.md that teach an agent a job, in the Agent
// Skills format (https://agentskills.io/specification).
//
// The agent asks it which skills a task is offered (their names and descriptions, all that a
// prompt holds), loads one when a model has chosen it, and has it lend the folder of one to a
// sandbox. httpapi adds, shows and removes them; platform wires it.
//
// A skill comes with the program, from a folder of the operator's, or from an admin, for an
// org or for a project of it. A project's hides an org's of the same name, that one the
// operator's, that one what came with the program. What is used is an immutable version, named
// by the digest of its files: a task that has begun with one goes on with it, wherever that
// is, while the next task gets what is there by then.
//
// It never runs anything: scripts are run by tools, in a sandbox. It never follows a link, and
// nothing that a skill says widens what a task may do.
package skill
