export default function McpServers() {
  return null
}
