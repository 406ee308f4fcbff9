/** What is read of MCP servers, and to be read anew when one has changed. */
export const serverPaths = ['/v1/mcp/servers', '/v1/mcp/servers/{server}', '/v1/mcp/servers/{server}/tools', '/v1/tools'] as const
