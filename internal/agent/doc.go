// Package agent is the task state machine: it plans, executes and supervises.
//
// A task is its event stream. Fold turns the stream into a State, Decide says
// what to do next, and the Worker does it and appends what came of it. So a task
// that was interrupted anywhere goes on from its last event, on any worker.
//
// The files read in that order: state.go, decide.go with supervise.go and
// plan.go, then worker.go and drive.go, which alone touch the world; request.go
// says what models are told, charge.go what calls may cost; service.go holds the
// commands that people give; project.go the list of tasks.
//
// platform wires it; httpapi calls Service. It imports ports only and never
// knows which model, tool, sandbox or database is behind them.
package agent
