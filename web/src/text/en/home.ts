export const home = {
  title: 'Home',
  lead: 'What waits for you, and what was last.',
  waiting: 'Waiting for you',
  waitingLead: 'These tasks go on when you have answered.',
  tasks: 'Latest tasks',
  all: 'All tasks',
}
