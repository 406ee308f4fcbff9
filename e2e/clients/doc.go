// Package clients tests the API of models with the clients that others have written for those
// of OpenAI and Anthropic, unmodified, and with the checkers of their formats and of OpenAPI.
// What is tested is the real program; the models behind it are scripted. `make clients` fetches
// the clients; programs/ are what is run with them.
package clients
