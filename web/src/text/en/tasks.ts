export const tasks = {
  title: 'Tasks',
  lead: 'Everything that was asked for, and what became of it. A task is its events: each can be replayed, and gone on from.',
  task: 'Task',
  kind: 'Kind',
  anyKind: 'Any kind',
  status: 'Status',
  anyStatus: 'Any status',
  created: 'Created',
  none: 'No tasks yet',
  noneHint: 'Build an app, or ask for something in the chat: what you ask for appears here.',
  nothing: 'No such task',
  nothingHint: 'No task is of this kind and status.',
}
