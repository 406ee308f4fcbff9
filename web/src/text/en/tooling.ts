export const tooling = {}
