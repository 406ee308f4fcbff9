export const org = {}
