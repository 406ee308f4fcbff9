// Package conversation keeps what people and agents say to each other: streams of messages, which
// are a tree, so that a message can be said again in other words without losing what came of it.
//
// httpapi begins, shows, changes and deletes conversations and adds messages; the agent reads what
// was said (agent.Turns); as a consumer of the bus the package has each message answered by a task
// of core.KindChat, and adds what that answers. It asks no model and runs nothing.
//
// A conversation is its project's, as tasks and apps are: who may read these there may read it.
package conversation
