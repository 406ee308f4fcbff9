export const knowledge = {}
